import { cidText } from '../cid.ts'

/** How deep maps and arrays may be nested: the server's own limit. */
const MAX_DEPTH = 128
/** TextDecoder is faster for strings of more bytes than this. */
const SHORT_TEXT_BYTES = 24

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The value that begins at `start`, and where it ends. It reads DAG-CBOR as atproto uses it: integers of 53 bits, no
 * floats, links of one kind. Bytes that are not canonical are an error.
 */
export function decodeFirst(bytes: Uint8Array, start = 0): { value: unknown; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let offset = start

  const fail = (what: string): never => {
    throw new TypeError(`not canonical DAG-CBOR: ${what} before byte ${offset}`)
  }
  const take = (length: number): number => {
    if (length > bytes.length - offset) fail('it ends')
    offset += length
    return offset - length
  }
  const head = (): [major: number, argument: number] => {
    const byte = view.getUint8(take(1))
    const info = byte & 31
    if (info < 24) return [byte >> 5, info]
    if (info > 27 || byte > 0xe0) fail('a float, or an indefinite length')
    const size = 1 << (info - 24)
    const from = take(size)
    const argument =
      size === 1
        ? view.getUint8(from)
        : size === 2
          ? view.getUint16(from)
          : size === 4
            ? view.getUint32(from)
            : Number(view.getBigUint64(from))
    if (argument < (size === 1 ? 24 : 2 ** (size * 4))) fail('a number longer than it needs to be')
    if (argument > Number.MAX_SAFE_INTEGER) fail('a number beyond 2^53')
    return [byte >> 5, argument]
  }
  const text = (length: number): string => {
    const from = take(length)
    if (length <= SHORT_TEXT_BYTES) {
      let result = ''
      let i = from
      for (let byte: number; i < offset && (byte = view.getUint8(i)) < 0x80; i++)
        result += String.fromCharCode(byte)
      if (i === offset) return result
    }
    return utf8.decode(bytes.subarray(from, offset))
  }
  /** Whether a key comes after the one before it: shorter keys first, then by bytes. */
  const inOrder = (from: number, length: number, before: number, lengthBefore: number): boolean => {
    if (length !== lengthBefore) return length > lengthBefore
    for (let i = 0; i < length; i++) {
      const difference = view.getUint8(from + i) - view.getUint8(before + i)
      if (difference !== 0) return difference > 0
    }
    return false
  }
  const map = (length: number, depth: number): object => {
    const result: Record<string, unknown> = {}
    let [before, lengthBefore] = [0, -1]
    for (let i = 0; i < length; i++) {
      const [major, size] = head()
      if (major !== 3) fail('a key that is not text')
      const key = text(size)
      const from = offset - size
      if (!inOrder(from, size, before, lengthBefore)) fail('keys out of order')
      ;[before, lengthBefore] = [from, size]
      const value = item(depth)
      // A plain assignment to this key would set the prototype.
      if (key === '__proto__')
        Object.defineProperty(result, key, { value, enumerable: true, writable: true, configurable: true })
      else result[key] = value
    }
    return result
  }
  const item = (depth: number): unknown => {
    const [major, argument] = head()
    if ((major === 4 || major === 5) && depth === 0) fail(`nesting deeper than ${MAX_DEPTH}`)
    switch (major) {
      case 0:
        return argument
      case 1:
        return argument < Number.MAX_SAFE_INTEGER ? -1 - argument : fail('a number beyond -2^53')
      case 2:
        // Not by `slice`: that does not copy a Node Buffer.
        return new Uint8Array(bytes.subarray(take(argument), offset))
      case 3:
        return text(argument)
      case 4: {
        const items: unknown[] = []
        for (let i = 0; i < argument; i++) items.push(item(depth - 1))
        return items
      }
      case 5:
        return map(argument, depth - 1)
      case 6: {
        const [inner, size] = head()
        const from = take(size)
        if (argument !== 42 || inner !== 2 || size !== 37 || bytes[from] !== 0)
          fail('a tag that is not a link')
        return { $link: cidText(bytes.subarray(from + 1, offset)) }
      }
      default:
        return argument === 20 || argument === 21
          ? argument === 21
          : argument === 22
            ? null
            : fail('a simple value')
    }
  }
  return { value: item(MAX_DEPTH), end: offset }
}

/**
 * Decodes one block, for example a record: links become `{ $link }` as in JSON, byte strings become `Uint8Array`.
 * Throws a `TypeError` when the bytes are not canonical DAG-CBOR.
 */
export function decodeBlock(bytes: Uint8Array): unknown {
  const { value, end } = decodeFirst(bytes)
  if (end !== bytes.length) throw new TypeError(`${bytes.length - end} bytes after the end of the block`)
  return value
}
