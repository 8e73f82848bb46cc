// The deadlines of a request, and which of them is due first. Pure.

/** Seconds, each from the moment that its name says. */
export type Deadlines = {
  /** From the request's begin until it could be sent. */
  readonly connect: number;
  /** From the request's last byte to the answer's first. */
  readonly firstByte: number;
  /** Between two reads of the answer. */
  readonly interChunk: number;
  /** From the request's last byte to the answer's end. */
  readonly request: number;
};

/** How far a request is. */
export type RequestTimes = {
  readonly startNs: number;
  /** Null until the request was sent. */
  readonly sentNs: number | null;
  /** Arrival of the last part of the answer; null before the first. */
  readonly lastNs: number | null;
};

/** The deadline that is due first, and when; of two at one moment the whole request's. */
export function dueDeadline(
  { startNs, sentNs, lastNs }: RequestTimes,
  deadlines: Deadlines,
): { readonly name: keyof Deadlines; readonly atNs: number } {
  if (sentNs === null) return { name: 'connect', atNs: startNs + deadlines.connect * 1e9 };
  const quiet =
    lastNs === null
      ? { name: 'firstByte' as const, atNs: sentNs + deadlines.firstByte * 1e9 }
      : { name: 'interChunk' as const, atNs: lastNs + deadlines.interChunk * 1e9 };
  const whole = { name: 'request' as const, atNs: sentNs + deadlines.request * 1e9 };
  return whole.atNs <= quiet.atNs ? whole : quiet;
}
