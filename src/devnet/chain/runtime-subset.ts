// The parts of the real Subtensor runtime that the embedded chain offers.
type Kept = {
  storage: readonly string[];
  calls: readonly string[];
  events: readonly string[];
  constants: readonly string[];
};

/**
 * What the embedded chain offers of the real runtime. scripts/chain-metadata.ts makes metadata.json
 * from this list.
 */
export const RUNTIME_SUBSET: {
  pallets: Record<string, Kept>;
  apis: Record<string, readonly string[] | 'all'>;
} = {
  pallets: {
    System: {
      storage: [
        'Account',
        'BlockHash',
        'Number',
        'ParentHash',
        'Digest',
        'Events',
        'EventCount',
        'ExtrinsicCount',
        'LastRuntimeUpgrade',
      ],
      calls: ['remark', 'remark_with_event'],
      events: ['ExtrinsicSuccess', 'ExtrinsicFailed', 'NewAccount', 'KilledAccount', 'Remarked'],
      constants: [
        'BlockWeights',
        'BlockLength',
        'BlockHashCount',
        'DbWeight',
        'Version',
        'SS58Prefix',
      ],
    },
    Timestamp: { storage: ['Now'], calls: ['set'], events: [], constants: ['MinimumPeriod'] },
    Aura: { storage: [], calls: [], events: [], constants: ['SlotDuration'] },
    Balances: {
      storage: ['TotalIssuance', 'Account'],
      calls: ['transfer_allow_death', 'transfer_keep_alive'],
      events: ['Endowed', 'Transfer', 'Withdraw', 'Deposit'],
      constants: ['ExistentialDeposit'],
    },
    TransactionPayment: { storage: [], calls: [], events: ['TransactionFeePaid'], constants: [] },
    SubtensorModule: {
      storage: [
        'NetworksAdded',
        'SubnetworkN',
        'SubnetOwner',
        'SubnetOwnerHotkey',
        'NetworkRegisteredAt',
        'Tempo',
        'LastEpochBlock',
        'PendingEpochAt',
        'SubnetEpochIndex',
        'BlocksSinceLastStep',
        'LastMechansimStepBlock',
        'WeightsVersionKey',
        'WeightsSetRateLimit',
        'MinAllowedWeights',
        'MaxWeightsLimit',
        'MaxAllowedUids',
        'MaxAllowedValidators',
        'ImmunityPeriod',
        'ActivityCutoff',
        'CommitRevealWeightsEnabled',
        'RevealPeriodEpochs',
        'CommitRevealWeightsVersion',
        'StakeThreshold',
        'Uids',
        'Keys',
        'Owner',
        'BlockAtRegistration',
        'IsNetworkMember',
        'Active',
        'ValidatorPermit',
        'LastUpdate',
        'Emission',
        'Weights',
        'Burn',
        'TotalHotkeyAlpha',
        'WeightCommits',
        'TimelockedWeightCommits',
        'MechanismCountCurrent',
        'TxRateLimit',
        'TokenSymbol',
      ],
      calls: [
        'set_weights',
        'set_mechanism_weights',
        'commit_weights',
        'reveal_weights',
        'commit_timelocked_weights',
        'commit_timelocked_mechanism_weights',
        'burned_register',
      ],
      events: [
        'NeuronRegistered',
        'WeightsSet',
        'WeightsCommitted',
        'WeightsRevealed',
        'TimelockedWeightsCommitted',
        'TimelockedWeightsRevealed',
      ],
      constants: [],
    },
    Drand: {
      storage: ['BeaconConfig', 'Pulses', 'LastStoredRound', 'OldestStoredRound'],
      calls: [],
      events: ['NewPulse'],
      constants: [],
    },
    Utility: {
      storage: [],
      calls: ['batch', 'batch_all', 'force_batch'],
      events: [
        'BatchInterrupted',
        'BatchCompleted',
        'BatchCompletedWithErrors',
        'ItemCompleted',
        'ItemFailed',
      ],
      constants: ['batched_calls_limit'],
    },
    Commitments: {
      storage: [
        'TimelockedIndex',
        'CommitmentOf',
        'LastCommitment',
        'LastBondsReset',
        'RevealedCommitments',
        'UsedSpaceOf',
        'MaxSpace',
      ],
      calls: ['set_commitment'],
      events: ['Commitment', 'TimelockCommitment', 'CommitmentRevealed'],
      constants: ['MaxFields', 'InitialDeposit', 'FieldDeposit'],
    },
  },
  apis: {
    Core: ['version'],
    Metadata: 'all',
    AccountNonceApi: 'all',
    TransactionPaymentApi: ['query_info', 'query_fee_details'],
    // What the Bittensor SDKs 10 and 11 ask.
    NeuronInfoRuntimeApi: ['get_neurons', 'get_neurons_lite'],
    SubnetInfoRuntimeApi: [
      'get_metagraph',
      'get_subnet_state',
      'get_selective_metagraph',
      'get_selective_mechagraph',
      'get_next_epoch_start_block',
      'get_subnet_hyperparams_v2',
      'get_subnet_hyperparams_v3',
    ],
  },
};

/**
 * Storage of later runtimes that a client cannot do without: SDK 11.3 reads SubnetEpochConsensus
 * before it sets weights, and spec 424 has none. Shaped like another item of the same pallet; the
 * comparison with the real metadata leaves it out.
 */
export const ADDED = {
  pallet: 'SubtensorModule',
  item: 'SubnetEpochConsensus',
  like: 'CommitRevealWeightsEnabled',
  path: ['pallet_subtensor', 'pallet', 'EpochConsensus'],
  variants: ['Yuma', 'Null'],
} as const;
