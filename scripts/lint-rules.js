// Lint rules of this repository: who may import whom, and that a file opens with its purpose.
import { dirname, join, relative } from 'node:path';
import { ACTIONS_MAY, mayTouchTheWorld, roomOf, ROOMS } from './rooms.js';

const root = new URL('..', import.meta.url).pathname;

/** The rooms that a file may import; null where everything may be. */
function allowed(path) {
  if (/^actions\//.test(path)) return ACTIONS_MAY;
  const room = roomOf(path);
  return room === null ? null : [room, ...ROOMS[room].may];
}

const directions = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const path = relative(root, context.filename);
    const rooms = allowed(path);
    const pure = !mayTouchTheWorld(path);
    const check = (node) => {
      const from = node.source?.value;
      if (rooms === null || typeof from !== 'string' || !from.startsWith('.')) return;
      const target = join(dirname(path), from);
      const room = roomOf(target);
      if (room === null) {
        if (path.startsWith('src/'))
          context.report({ node, message: `src imports nothing outside src/: ${from}` });
      } else if (!rooms.includes(room))
        context.report({
          node,
          message: `${path} may not import the room ${room} (scripts/rooms.js)`,
        });
      else if (pure && (room === 'node' || /\/io\//.test(`/${target}`)))
        context.report({ node, message: `a pure file takes a port instead of importing ${from}` });
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
    };
  },
};

const purpose = {
  meta: { type: 'suggestion', schema: [] },
  create(context) {
    return {
      Program(node) {
        const first = context.sourceCode.lines.find((line) => !line.startsWith('#!')) ?? '';
        if (!/^\/\/ [A-Z0-9]/.test(first))
          context.report({ node, message: 'the first line of a file says its purpose' });
      },
    };
  },
};

export default { rules: { directions, purpose } };
