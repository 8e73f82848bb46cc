// The rooms of src/ as a table and as a picture, from their real imports: `npm run docs` writes
// both, `node scripts/docs.ts --check` compares them.
import { importGraph, isTest, sources } from './import-graph.ts';
import { roomOf, ROOMS } from './rooms.js';

type Edges = ReadonlyMap<string, ReadonlySet<string>>;
const rooms = Object.keys(ROOMS);

/** Which rooms import which, tests left out; actions count as one room on top. */
function roomEdges(): Edges {
  const edges = new Map<string, Set<string>>(
    [...rooms, 'actions'].map((room) => [room, new Set()]),
  );
  const files = sources().filter((path) => !isTest(path) && !path.startsWith('scripts/'));
  for (const [path, targets] of importGraph(files)) {
    const from = roomOf(path) ?? 'actions';
    for (const to of targets.map(roomOf)) if (to !== null && to !== from) edges.get(from)!.add(to);
  }
  return edges;
}

/** Rooms that can be reached from a room by one import or more. */
function reach(edges: Edges, room: string): Set<string> {
  const found = new Set<string>();
  const visit = (at: string): void => {
    for (const next of edges.get(at) ?? []) {
      if (found.has(next)) continue;
      found.add(next);
      visit(next);
    }
  };
  visit(room);
  return found;
}

/** The edges that no longer way through other rooms implies: enough to read the order. */
function reduced(edges: Edges): Map<string, string[]> {
  return new Map(
    [...edges].map(([room, targets]) => [
      room,
      [...targets].filter(
        (to) => ![...targets].some((via) => via !== to && reach(edges, via).has(to)),
      ),
    ]),
  );
}

/** Height of a room: one more than the highest room that it imports. */
function heights(edges: Edges): Map<string, number> {
  const known = new Map<string, number>();
  const of = (room: string): number => {
    const before = known.get(room);
    if (before !== undefined) return before;
    const below = [...(edges.get(room) ?? [])].map(of);
    const height = below.length === 0 ? 0 : Math.max(...below) + 1;
    known.set(room, height);
    return height;
  };
  for (const room of edges.keys()) of(room);
  return known;
}

/** The table of rooms: what each is for, and which others it imports today. */
export function roomTable(): string {
  const edges = roomEdges();
  const rows = rooms.map((room) => {
    const used = ROOMS[room]!.may.filter((other) => edges.get(room)!.has(other));
    return `| \`${room}\` | ${ROOMS[room]!.for} | ${used.join(', ') || 'nothing'} |`;
  });
  return ['| room | what it is for | imports today |', '| --- | --- | --- |', ...rows].join('\n');
}

const BOX = { width: 128, height: 40, gapX: 26, gapY: 62, margin: 24 } as const;
const STYLE = `
  text { font: 600 15px system-ui, sans-serif; fill: #1b2430; text-anchor: middle }
  rect { fill: #eef3f8; stroke: #5b6b7d; rx: 8 }
  path { fill: none; stroke: #5b6b7d; stroke-width: 1.4; marker-end: url(#tip) }
  .bg { fill: #ffffff; stroke: none } .tip { fill: #5b6b7d }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } rect { fill: #1f2937; stroke: #8b9bb0 } path { stroke: #8b9bb0 }
    .bg { fill: #0d1117 } .tip { fill: #8b9bb0 }
  }`;

/** The picture of rooms, a room above everything that it imports; edges that others imply are left out. */
export function roomPicture(): string {
  const edges = roomEdges();
  const height = heights(edges);
  const levels = Math.max(...height.values());
  const layers = Array.from({ length: levels + 1 }, (_, level) =>
    [...edges.keys()].filter((room) => height.get(room) === level),
  );
  const widest = Math.max(...layers.map(({ length }) => length));
  const width = widest * (BOX.width + BOX.gapX) - BOX.gapX + 2 * BOX.margin;
  const total = (levels + 1) * (BOX.height + BOX.gapY) - BOX.gapY + 2 * BOX.margin;
  const place = new Map<string, { x: number; y: number }>();
  layers.forEach((layer, level) => {
    const span = layer.length * (BOX.width + BOX.gapX) - BOX.gapX;
    layer.forEach((room, i) =>
      place.set(room, {
        x: (width - span) / 2 + i * (BOX.width + BOX.gapX),
        y: BOX.margin + (levels - level) * (BOX.height + BOX.gapY),
      }),
    );
  });
  const lines = [...reduced(edges)].flatMap(([from, targets]) =>
    targets.map((to) => {
      const [a, b] = [place.get(from)!, place.get(to)!];
      const [x1, y1] = [a.x + BOX.width / 2, a.y + BOX.height];
      const [x2, y2] = [b.x + BOX.width / 2, b.y - 4];
      const bend = Math.min(60, (y2 - y1) / 2);
      return `<path d="M${x1} ${y1} C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}"/>`;
    }),
  );
  const boxes = [...place].map(
    ([room, { x, y }]) =>
      `<rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}"/>` +
      `<text x="${x + BOX.width / 2}" y="${y + 26}">${room}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${total}" role="img">`,
    '<title>Rooms of src/ and who imports whom</title>',
    `<style>${STYLE}\n</style>`,
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="tip" style="stroke:none;marker-end:none" d="M0 0L8 4L0 8z"/></marker></defs>',
    `<rect class="bg" width="${width}" height="${total}"/>`,
    ...lines,
    ...boxes,
    '</svg>\n',
  ].join('\n');
}
