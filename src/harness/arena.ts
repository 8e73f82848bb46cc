/**
 * The part of an arena's rules that measuring and judging one server needs. src/arena's schema fits
 * it.
 */
export type Arena = {
  readonly model: { readonly name: string; readonly eosTokenId: number };
  readonly maxTokens: number;
  readonly scoredLogprobs: boolean;
  readonly deadlines: {
    readonly start: number;
    readonly connect: number;
    readonly firstByte: number;
    readonly interChunk: number;
    readonly request: number;
  };
  readonly limits: {
    readonly headerBytes: number;
    readonly informational: number;
    readonly lineBytes: number;
    readonly bodyBytes: number;
    readonly chunks: number;
    readonly events: number;
  };
  readonly scoring: {
    readonly ttftWeight: number;
    readonly throughputWeight: number;
    readonly minTokensShare: number;
    readonly stallChunks: number;
    readonly stallRatio: number;
    readonly burstTokens: number;
  };
  readonly honestP999Nats: number;
  readonly gate: {
    readonly clipNats: number;
    readonly meanFactor: number;
    readonly firstTokenNats: number;
    readonly firstTokenStrikes: number;
    readonly bigMarginNats: number;
    readonly bigMargins: number;
    readonly runningMeanFactor: number;
    readonly lengthTolerance: number;
    readonly divergenceNats: number;
  };
  readonly driftLimit: number;
  readonly clock: {
    readonly waitMs: number;
    readonly waitShare: number;
    readonly ttftBiasMs: number;
    readonly p99Ms: number;
    readonly throughputBias: number;
  };
};
