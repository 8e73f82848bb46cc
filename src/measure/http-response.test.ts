// Tests of the HTTP response reader: hostile bytes, any cut, limits.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ResponseReader } from './http-response.ts';

const limits = { headerBytes: 16_384, informational: 16, chunks: 100 };
function read(text: string, step = text.length): { reader: ResponseReader; body: string } {
  const reader = new ResponseReader(limits);
  const bytes = Buffer.from(text, 'latin1');
  let body = '';
  for (let at = 0; at < bytes.length; at += step)
    reader.push(bytes.subarray(at, at + step), (part) => (body += part.toString('latin1')));
  return { reader, body };
}

describe('the reader of responses', () => {
  const chunked =
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: x\r\n\r\n';

  it('finds the body and its end, however it is cut', () => {
    for (let step = 1; step < chunked.length; step++) {
      const { reader, body } = read(chunked, step);
      expect({ done: reader.done, fault: reader.fault, body }).toEqual({
        done: true,
        fault: null,
        body: 'hello world',
      });
    }
  });
  it('takes a line of blanks in no time', () => {
    const began = process.hrtime.bigint();
    const { reader } = read(`HTTP/1.1 200 OK\r\nx:${' '.repeat(16_000)}\x01\r\n\r\n`);
    expect(reader.fault?.outcome).toBe('protocol');
    expect(read(`HTTP/1.1 200 OK\r\nx: a${' '.repeat(16_000)}a \r\n\r\n`).reader.fault).toBeNull();
    expect(Number(process.hrtime.bigint() - began)).toBeLessThan(200e6);
  });
  it('counts HTTP chunks: one a byte only costs us time', () => {
    const { reader } = read(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(101)}`,
    );
    expect(reader.fault).toMatchObject({ outcome: 'limit' });
  });
  it.each([
    ['a bare line feed', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
    ['a folded header', 'HTTP/1.1 200 OK\r\nx: y\r\n z\r\n\r\n'],
    ['a blank before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n'],
    ['a signed length', 'HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n'],
    ['another transfer-encoding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
  ])('refuses %s', (_, text) =>
    expect(read(text).reader.fault).toMatchObject({ outcome: 'protocol' }),
  );
  it('never throws, and gives the same result however the bytes are cut', () => {
    const piece = fc.oneof(
      fc.string({ maxLength: 20 }),
      fc.constantFrom(
        'HTTP/1.1 200 OK\r\n',
        'HTTP/1.1 103 x\r\n\r\n',
        'Content-Length: 5\r\n',
        'Transfer-Encoding: chunked\r\n',
        '\r\n',
        '5\r\n',
        '0\r\n\r\n',
        'hello',
        '\n',
      ),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }),
        fc.integer({ min: 1, max: 9 }),
        (pieces, step) => {
          const text = pieces.join('');
          const [whole, cut] = [read(text), read(text, step)];
          expect({ status: cut.reader.status, fault: cut.reader.fault?.outcome }).toEqual({
            status: whole.reader.status,
            fault: whole.reader.fault?.outcome,
          });
          if (!whole.reader.fault) expect(cut.body).toBe(whole.body);
        },
      ),
      { numRuns: Number(process.env['SOAK_FUZZ'] ?? 3000) },
    );
  });
});
