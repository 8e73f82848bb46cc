// What each refusal by the chain or its transaction pool means, and how to respond.
/**
 * What the caller can do after the chain refused: repeat the call later, change something first, or
 * give up.
 */
type Remedy = 'retry' | 'fix' | 'give-up';
export type ChainRefusal = {
  readonly name: string;
  readonly remedy: Remedy;
  readonly hint: string;
};

const retry = (hint: string) => ({ remedy: 'retry', hint }) as const;
const fix = (hint: string) => ({ remedy: 'fix', hint }) as const;
const giveUp = (hint: string) => ({ remedy: 'give-up', hint }) as const;

const TOO_FAST = retry('the rate limit starts at the last update or at registration: wait for it');
const MALFORMED = fix('read the subnet again and rebuild the weights');
const UNREGISTERED = giveUp(
  'the hotkey is not registered on this subnet (any more): register it again',
);

/**
 * Dispatch errors of weights and commitments by their name in the metadata (RULES "Refusals of the
 * chain").
 */
const DISPATCH: Readonly<Record<string, Omit<ChainRefusal, 'name'>>> = {
  CommitRevealEnabled: fix('the subnet takes committed weights now: read its flag again'),
  CommitRevealDisabled: fix('the subnet takes plain weights now: read its flag again'),
  CanNotSetRootNetworkWeights: fix('weights of subnet 0 are not set this way'),
  MechanismDoesNotExist: fix('there is no such subnet or mechanism'),
  SubnetNotExists: fix('there is no such subnet'),
  WeightVecNotEqualSize: MALFORMED,
  DuplicateUids: MALFORMED,
  UidVecContainInvalidOne: MALFORMED,
  UidsLengthExceedUidsInSubNet: MALFORMED,
  WeightVecLengthIsLow: fix('the subnet wants more uids: see min_allowed_weights'),
  MaxWeightExceeded: fix('a weight is above max_weights_limit'),
  InputLengthsUnequal: MALFORMED,
  HotKeyNotRegisteredInSubNet: UNREGISTERED,
  NotEnoughStakeToSetWeights: giveUp(
    'the stake is below the threshold for setting weights: add stake',
  ),
  IncorrectWeightVersionKey: fix("the subnet's version key is higher: upgrade"),
  SettingWeightsTooFast: TOO_FAST,
  CommittingWeightsTooFast: TOO_FAST,
  NeuronNoValidatorPermit: retry('no validator permit: permits are dealt at the end of each epoch'),
  IncorrectCommitRevealVersion: fix('the chain wants another commit-reveal version: upgrade'),
  TooManyUnrevealedCommits: retry('ten commits wait already: wait for the next epoch'),
  InvalidRevealRound: fix('the round is over already: compute it again'),
  NoWeightsCommitFound: giveUp('no such commit waits: it was revealed before, or it expired'),
  InvalidRevealCommitHashNotMatch: giveUp('the revealed weights are not the committed ones'),
  ExpiredWeightCommit: giveUp('the reveal window is over: commit again'),
  RevealTooEarly: retry('the reveal window has not begun'),
  AccountNotAllowedCommit: UNREGISTERED,
  SpaceLimitExceeded: retry("the epoch's 3,100 bytes are used up: wait for the next epoch"),
  CommitmentSetRateLimitExceeded: retry(
    'this older runtime takes a commitment every hundred blocks or so: wait',
  ),
  TooManyFieldsInCommitmentInfo: fix('at most three fields'),
  UnexpectedUnreserveLeftover: giveUp("the chain's own accounts do not add up: report it"),
  CallFiltered: retry('the chain is in safe mode, or the call may not stand in a batch'),
  'Token.FundsUnavailable': giveUp('the balance is too low'),
  'Token.NotExpendable': giveUp('the balance would fall below the existential deposit'),
  'Token.BelowMinimum': giveUp('the amount is below the existential deposit'),
  InsufficientBalance: giveUp('the balance is too low'),
  Expendability: giveUp('the balance would fall below the existential deposit'),
  BadOrigin: fix('this key may not send this call'),
};

/** Pool errors `Custom error: n` (transaction_error.rs). The same guards run again in the block. */
const CUSTOM: Readonly<Record<number, ChainRefusal>> = {
  0: {
    name: 'ColdkeyInSwapSchedule',
    ...giveUp('the signer announced a coldkey swap: all calls wait until it is over'),
  },
  1: {
    name: 'StakeAmountTooLow',
    ...giveUp('the stake is below the threshold for setting weights: add stake'),
  },
  6: { name: 'RateLimitExceeded', ...TOO_FAST },
  15: { name: 'InvalidRevealRound', ...fix('the round is over already: compute it again') },
  16: {
    name: 'CommitNotFound',
    ...giveUp('no such commit waits: it was revealed before, or it expired'),
  },
  17: {
    name: 'CommitBlockNotInRevealRange',
    ...retry('outside the reveal window: too early, or too late'),
  },
  18: { name: 'InputLengthsUnequal', ...MALFORMED },
  19: { name: 'UidNotFound', ...UNREGISTERED },
  21: {
    name: 'ColdkeySwapDisputed',
    ...giveUp('a coldkey swap is disputed: all calls wait until it is settled'),
  },
  255: { name: 'BadRequest', ...fix('a guard of the chain refused the call') },
};

/** Everything else a pool says, by its text or its RPC code. The first that matches counts. */
const POOL: readonly (readonly [RegExp, ChainRefusal])[] = [
  [/pay some fees/i, { name: 'Payment', ...giveUp('the signer cannot pay the fee') }],
  [
    /outdated|\bstale\b/i,
    {
      name: 'Stale',
      ...retry('its nonce was used: look whether it went through, then build a new one'),
    },
  ],
  [
    /will be valid in the future|\bfuture\b/i,
    { name: 'Future', ...retry('an earlier nonce is missing: wait') },
  ],
  [
    /bad signature|bad proof/i,
    {
      name: 'BadProof',
      ...fix('wrong chain, wrong key or an old runtime: connect again and rebuild'),
    },
  ],
  [/ancient birth/i, { name: 'AncientBirthBlock', ...retry('its era is over: build a new one') }],
  [/exhaust/i, { name: 'ExhaustsResources', ...retry('the block is full') }],
  [
    /\b1012\b|temporarily banned/i,
    { name: 'TemporarilyBanned', ...retry('the node banned this transaction for half an hour') },
  ],
  [
    /\b1013\b|already imported/i,
    { name: 'AlreadyImported', ...retry('it is in the pool already: wait for it') },
  ],
  [
    /\b1014\b|priority is too low/i,
    { name: 'PriorityTooLow', ...retry('another transaction holds this nonce: wait for it') },
  ],
  [
    /\b1016\b|pool is full|immediately dropped/i,
    { name: 'PoolFull', ...retry("the node's pool is full: wait") },
  ],
  [
    /\b1002\b|verification error/i,
    {
      name: 'Undecodable',
      ...giveUp('the runtime cannot read this call: it has other types or limits'),
    },
  ],
];

/** Every dispatch error that has a remedy here: a test looks each of them up in the metadata. */
export const KNOWN_DISPATCH_ERRORS: readonly string[] = Object.keys(DISPATCH);

/**
 * What a dispatch error means. `name` is `Pallet.Error` or the error alone; unknown ones are to be
 * fixed by a person.
 */
export function dispatchRefusal(name: string): ChainRefusal {
  const known = DISPATCH[name] ?? DISPATCH[name.split('.').at(-1)!];
  return {
    name,
    ...(known ?? fix('an error that this version does not know: look it up in the runtime')),
  };
}

/** What a pool's answer means. Transport failures are none: see the caller. */
export function poolRefusal(message: string): ChainRefusal {
  const custom = /custom error: (\d+)/i.exec(message)?.[1];
  if (custom !== undefined)
    return (
      CUSTOM[Number(custom)] ?? {
        name: `Custom(${custom})`,
        ...fix('a guard of the chain that does not concern this call refused it'),
      }
    );
  return (
    POOL.find(([pattern]) => pattern.test(message))?.[1] ?? {
      name: message.slice(0, 120),
      ...retry('unknown refusal: look at the chain, then try again'),
    }
  );
}
