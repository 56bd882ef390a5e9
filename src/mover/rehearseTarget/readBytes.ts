/** The bytes of a body that should have so many. One that has more is cancelled, and gives one byte more. */
export const readBytes = async (
  body: ReadableStream<Uint8Array>,
  expected: number,
): Promise<Uint8Array<ArrayBuffer>> => {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of body) {
    pieces.push(piece)
    length += piece.length
    if (length > expected) break
  }
  const bytes = new Uint8Array(Math.min(length, expected + 1))
  let at = 0
  for (const piece of pieces) {
    const part = piece.subarray(0, bytes.length - at)
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
