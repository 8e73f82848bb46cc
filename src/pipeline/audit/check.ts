// What a check of an audit is, and the book that keeps what the checks found.
import type { ChainReader } from '../../chain/chain.ts';
import { CacheonError, messageOf } from '../../core/errors.ts';
import type { FaultCode } from '../../ledger/verify.ts';

/** What a check needs: one record, a whole ledger, the chain too, or other ledgers beside it. */
type Needs = 'record' | 'ledger' | 'chain' | 'ledgers';

/**
 * `passed`: nothing was wrong wherever it applied. `failed`: a fault. `not-checked`: something that
 * it needed was not at hand. `not-asked`: it needs a chain, and none was given.
 */
type CheckState = 'passed' | 'failed' | 'not-checked' | 'not-asked';

/** Where a check puts what it finds. Paths are relative to the validator's folder. */
export type Notes = {
  readonly fault: (code: FaultCode, path: string, message: string) => void;
  /** What could not be checked, and why: no pass, and nobody's fault. */
  readonly unchecked: (path: string, why: string) => void;
};

/** One check of an audit: it looks at one kind of subject, for one rule. */
export type Check<Subject> = {
  readonly name: string;
  readonly needs: Needs;
  /** Heading in .github/RULES.md. */
  readonly rule: string;
  readonly run: (subject: Subject, notes: Notes) => void | Promise<void>;
};
/** What a list of checks says of a check. */
export type CheckName = Pick<Check<never>, 'name' | 'needs' | 'rule'>;

/** A fault as a report names it; `path` is relative to the results folder. */
export type ReportedFault = {
  readonly check: string;
  readonly code: FaultCode;
  readonly path: string;
  readonly message: string;
};
/** What went unchecked, and why. */
export type Unchecked = { readonly check: string; readonly path: string; readonly why: string };
/** How a check ended over all subjects. */
export type CheckReport = CheckName & { readonly state: CheckState };

/** Where a check looks: whose ledger, and the file that a fault of the check itself concerns. */
export type CheckPlace = { readonly validator: string; readonly path: string };

const placed = ({ validator }: CheckPlace, path: string): string =>
  validator === '' || path === '' ? `${validator}${path}` : `${validator}/${path}`;

/** Keeps what every check found. A check that throws never takes another one with it. */
export class CheckBook {
  readonly #chain: ChainReader | null;
  readonly #notAsked = new Set<string>();
  readonly faults: ReportedFault[] = [];
  readonly unchecked: Unchecked[] = [];

  constructor(chain: ChainReader | null) {
    this.#chain = chain;
  }

  /** Notes that a check was not asked for. */
  notAsked({ name }: CheckName): void {
    this.#notAsked.add(name);
  }

  /** The notes of a check at a place. */
  notes({ name: check }: Pick<CheckName, 'name'>, place: CheckPlace): Notes {
    return {
      fault: (code, path, message) =>
        void this.faults.push({ check, code, path: placed(place, path), message }),
      unchecked: (path, why) => void this.unchecked.push({ check, path: placed(place, path), why }),
    };
  }

  /**
   * Runs a check on a subject. Where a node or a file is not at hand the check is unchecked; any
   * other error is a fault of the record: a dishonest one may hold anything.
   */
  async run<Subject>(check: Check<Subject>, subject: Subject, place: CheckPlace): Promise<void> {
    if (check.needs === 'chain' && !this.#chain) return;
    const notes = this.notes(check, place);
    try {
      await check.run(subject, notes);
    } catch (error) {
      const away = error instanceof CacheonError && error.outcome === 'infra';
      if (away) notes.unchecked(place.path, error.message);
      else notes.fault('RECOMPUTE_MISMATCH', place.path, `cannot be derived: ${messageOf(error)}`);
    }
  }

  /** How each check ended. */
  states(checks: readonly CheckName[]): CheckReport[] {
    const failed = new Set(this.faults.map(({ check }) => check));
    const open = new Set(this.unchecked.map(({ check }) => check));
    return checks.map(({ name, needs, rule }) => {
      const asked = (needs !== 'chain' || this.#chain !== null) && !this.#notAsked.has(name);
      const silent = asked ? 'passed' : 'not-asked';
      const ended = open.has(name) ? 'not-checked' : silent;
      return { name, needs, rule, state: failed.has(name) ? 'failed' : ended };
    });
  }
}
