// A small arena with every default, for tests of the rules.
import { type Arena, parseArena } from '../schema/arena.ts';

/** An arena on no real chain, whose fee goes to a treasury (ss58 address). */
export function testArena(treasury: string): Arena {
  return parseArena(
    {
      name: 'test',
      rules: 1,
      network: 'local',
      netuid: 2,
      genesisHash: null,
      model: { name: 'm', path: '/m', eosTokenId: 1, chatTemplate: 'chatml', systemMessage: '' },
      tokenizer: { file: 'tokenizer.json', sha256: '0'.repeat(64) },
      corpus: 'generated',
      images: { baseline: 'b', reference: 'b' },
      honestP999Nats: 0.001,
      treasury,
      burnUid: 0,
    },
    'test',
  );
}
