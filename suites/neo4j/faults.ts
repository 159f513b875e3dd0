/** For the proxy's `corrupt`. Of one length, so that the chunks and strings of Bolt stay whole. */
export function replaceText(from: string, to: string): (chunk: Buffer) => Buffer {
  if (Buffer.byteLength(from) !== Buffer.byteLength(to)) throw new Error(`${from} and ${to} differ in length`);
  // latin1 keeps every byte what it is.
  const latin1 = (text: string): string => Buffer.from(text).toString('latin1');
  return (chunk) => Buffer.from(chunk.toString('latin1').replaceAll(latin1(from), latin1(to)), 'latin1');
}
