// Loads a small Qwen2 model's sizes and weights from a folder.
import { readFileSync } from 'node:fs';
import { SimdArena } from './simd.ts';

/** Sizes of a Qwen2 model, from its config.json. */
type Config = {
  hidden: number;
  layers: number;
  heads: number;
  kvHeads: number;
  headSize: number;
  mlp: number;
  vocab: number;
  eps: number;
  ropeTheta: number;
  maxPositions: number;
  eosTokenId: number;
};

/** One decoder layer. Matrices are row-major, one row per output. */
export type ModelLayer = {
  inputNorm: Float32Array;
  postNorm: Float32Array;
  q: Float32Array;
  k: Float32Array;
  v: Float32Array;
  o: Float32Array;
  qBias: Float32Array;
  kBias: Float32Array;
  vBias: Float32Array;
  gate: Float32Array;
  up: Float32Array;
  down: Float32Array;
};
/** A whole model; the output head is the embedding (tied). */
export type Weights = {
  config: Config;
  embedding: Float32Array;
  norm: Float32Array;
  layers: ModelLayer[];
  arena: SimdArena;
};

type Tensor = { dtype: string; data_offsets: [number, number] };

/** Reads config.json and model.safetensors of a folder; bfloat16 is widened to float32. */
export function loadWeights(folder: URL): Weights {
  const raw = JSON.parse(readFileSync(new URL('config.json', folder), 'utf8')) as Record<
    string,
    number
  >;
  const number = (name: string): number => raw[name]!;
  const config: Config = {
    hidden: number('hidden_size'),
    layers: number('num_hidden_layers'),
    heads: number('num_attention_heads'),
    kvHeads: number('num_key_value_heads'),
    headSize: number('hidden_size') / number('num_attention_heads'),
    mlp: number('intermediate_size'),
    vocab: number('vocab_size'),
    eps: number('rms_norm_eps'),
    ropeTheta: number('rope_theta'),
    maxPositions: number('max_position_embeddings'),
    eosTokenId: number('eos_token_id'),
  };
  const file = readFileSync(new URL('model.safetensors', folder));
  const headerLength = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, 8 + headerLength)) as Record<string, Tensor>;
  const arena = new SimdArena(Math.ceil((file.length - headerLength) / 2));
  const tensor = (name: string): Float32Array => {
    const entry = header[name];
    if (entry?.dtype !== 'BF16') throw new Error(`the model has no bfloat16 tensor ${name}`);
    const [start, end] = entry.data_offsets;
    const bits = new Uint32Array((end - start) / 2);
    for (let i = 0; i < bits.length; i++)
      bits[i] = file.readUInt16LE(8 + headerLength + start + 2 * i) << 16;
    return arena.adopt(new Float32Array(bits.buffer));
  };
  const layers = Array.from({ length: config.layers }, (_, i): ModelLayer => {
    const part = (name: string): Float32Array => tensor(`model.layers.${i}.${name}`);
    return {
      inputNorm: part('input_layernorm.weight'),
      postNorm: part('post_attention_layernorm.weight'),
      q: part('self_attn.q_proj.weight'),
      k: part('self_attn.k_proj.weight'),
      v: part('self_attn.v_proj.weight'),
      o: part('self_attn.o_proj.weight'),
      qBias: part('self_attn.q_proj.bias'),
      kBias: part('self_attn.k_proj.bias'),
      vBias: part('self_attn.v_proj.bias'),
      gate: part('mlp.gate_proj.weight'),
      up: part('mlp.up_proj.weight'),
      down: part('mlp.down_proj.weight'),
    };
  });
  return {
    config,
    embedding: tensor('model.embed_tokens.weight'),
    norm: tensor('model.norm.weight'),
    layers,
    arena,
  };
}

/** The seven matrices of a layer that cheats quantise or scale. */
export function matricesOf(layer: ModelLayer): Float32Array[] {
  return [layer.q, layer.k, layer.v, layer.o, layer.gate, layer.up, layer.down];
}
