/** DAG-CBOR as atproto has it: integers of 53 bits, no floats, links of one kind; the canonical bytes or nothing. */
import { linkOf } from './link.ts'

/** Maps and arrays inside one another: what the server takes. */
const DEPTH = 128
/** Longer strings are faster by TextDecoder. */
const SHORT = 24

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The value that begins at `start`, and where it ends. */
export function decodeFirst(bytes: Uint8Array, start = 0): { value: unknown; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = start

  const fail = (what: string): never => {
    throw new TypeError(`not canonical DAG-CBOR: ${what} before byte ${at}`)
  }
  const take = (length: number): number => {
    if (length > bytes.length - at) fail('it ends')
    at += length
    return at - length
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
    if (length <= SHORT) {
      let result = ''
      let i = from
      for (let byte: number; i < at && (byte = view.getUint8(i)) < 0x80; i++)
        result += String.fromCharCode(byte)
      if (i === at) return result
    }
    return utf8.decode(bytes.subarray(from, at))
  }
  /** Shorter keys first, then by bytes: each after the one before it. */
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
      if (major !== 3) fail('a key that is no text')
      const key = text(size)
      const from = at - size
      if (!inOrder(from, size, before, lengthBefore)) fail('keys out of order')
      ;[before, lengthBefore] = [from, size]
      const value = item(depth)
      // A plain assignment to this one key would set the prototype.
      if (key === '__proto__')
        Object.defineProperty(result, key, { value, enumerable: true, writable: true, configurable: true })
      else result[key] = value
    }
    return result
  }
  const item = (depth: number): unknown => {
    const [major, argument] = head()
    if ((major === 4 || major === 5) && depth === 0) fail(`nesting deeper than ${DEPTH}`)
    switch (major) {
      case 0:
        return argument
      case 1:
        return argument < Number.MAX_SAFE_INTEGER ? -1 - argument : fail('a number beyond -2^53')
      case 2:
        // Not by `slice`: of a Node Buffer that is no copy.
        return new Uint8Array(bytes.subarray(take(argument), at))
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
        if (argument !== 42 || inner !== 2 || size !== 37 || bytes[from] !== 0) fail('a tag that is no link')
        return { $link: linkOf(bytes.subarray(from + 1, at)) }
      }
      default:
        return argument === 20 || argument === 21
          ? argument === 21
          : argument === 22
            ? null
            : fail('a simple value')
    }
  }
  return { value: item(DEPTH), end: at }
}

/**
 * Decodes one block, a record for example: links become `{ $link }` as in JSON, byte strings `Uint8Array`.
 * Throws a `TypeError` when the bytes are not the canonical DAG-CBOR of anything.
 */
export function decodeBlock(bytes: Uint8Array): unknown {
  const { value, end } = decodeFirst(bytes)
  if (end !== bytes.length) throw new TypeError(`${bytes.length - end} bytes after the end of the block`)
  return value
}
