import { head } from './bytes.ts'
import type { Random } from './random.ts'

/** A CBOR item. A tree of them can be written in every wrong way, too. */
export interface Item {
  major: number
  /** The argument of a number, tag or simple value. Lengths and counts are the true ones, unless `lie` replaces them. */
  arg: number
  width: 0 | 1 | 2 | 4 | 8
  bytes: Uint8Array
  items: Item[]
  lie?: number
  indefinite?: boolean
}

const utf8 = new TextEncoder()
const item = (major: number, parts: Partial<Item> = {}): Item => {
  const made: Item = { major, arg: 0, width: 0, bytes: new Uint8Array(0), items: [], ...parts }
  return { ...made, width: parts.width ?? least(argOf(made)) }
}

const argOf = ({ major, arg, bytes, items, lie }: Item): number => {
  if (lie !== undefined) return lie
  if (major === 2 || major === 3) return bytes.length
  if (major === 4) return items.length
  return major === 5 ? items.length >> 1 : arg
}

const least = (arg: number): Item['width'] =>
  arg < 24 ? 0 : arg < 0x100 ? 1 : arg < 0x10000 ? 2 : arg < 2 ** 32 ? 4 : 8

export const text = (value: string): Item => item(3, { bytes: utf8.encode(value) })
export const uint = (arg: number): Item => item(0, { arg })
export const map = (...items: Item[]): Item => item(5, { items })
export const link = (random: Random): Item =>
  item(6, { arg: 42, items: [item(2, { bytes: cidBytes(random) })] })
const cidBytes = (random: Random): Uint8Array =>
  Uint8Array.from([0, 1, random.pick([0x71, 0x55]), 0x12, 0x20, ...random.bytes(32)])

/** Writes an item and those in it, however wrong they are. */
export const write = (root: Item): Uint8Array => {
  const parts: Uint8Array[] = []
  const open: (Item | 'break')[] = [root]
  for (let next = open.pop(); next; next = open.pop()) {
    if (next === 'break') {
      parts.push(Uint8Array.of(0xff))
      continue
    }
    if (next.indefinite) {
      parts.push(Uint8Array.of((next.major << 5) | 31))
      open.push('break')
    } else parts.push(head(next.major, argOf(next), next.width))
    if (next.major === 2 || next.major === 3 || next.major === 7) parts.push(next.bytes)
    for (let i = next.items.length - 1; i >= 0; i--) {
      const child = next.items[i]
      if (child) open.push(child)
    }
  }
  return new Uint8Array(Buffer.concat(parts))
}

/** Reads CBOR that the caller knows to be canonical. */
export const read = (bytes: Uint8Array): Item => {
  let at = 0
  const take = (): Item => {
    const first = bytes[at++] ?? 0
    const [major, info] = [first >> 5, first & 31]
    const width = info < 24 ? 0 : ([1, 2, 4, 8] as const)[info - 24]
    if (width === undefined) throw new Error('not canonical')
    let arg = info
    if (width > 0) {
      arg = 0
      for (let i = 0; i < width; i++) arg = arg * 256 + (bytes[at++] ?? 0)
    }
    const made = item(major, { arg, width })
    if (major === 2 || major === 3) made.bytes = bytes.slice(at, (at += arg))
    const count = major === 4 ? arg : major === 5 ? 2 * arg : major === 6 ? 1 : 0
    for (let i = 0; i < count; i++) made.items.push(take())
    return made
  }
  return take()
}

const compare = (a: Item, b: Item): number =>
  a.bytes.length - b.bytes.length || Buffer.compare(a.bytes, b.bytes)

/** A value of atproto's data model, in its canonical form. */
export const randomItem = (random: Random, depth = 4): Item => {
  const kind = random.int(depth > 0 ? 10 : 7)
  if (kind === 0)
    return uint(random.pick([0, 1, 23, 24, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]))
  if (kind === 1) return item(1, { arg: random.pick([0, 23, 24, 255, 65536, 2 ** 32, 2 ** 53 - 2]) })
  if (kind === 2) return item(2, { bytes: random.bytes(random.small(300)) })
  if (kind === 3) return link(random)
  if (kind === 4) return item(7, { arg: random.pick([20, 21, 22]) })
  if (kind < 7) return text(wellFormed(random.text(random.small(60))))
  const count = random.small(8)
  if (kind < 8) return item(4, { items: Array.from({ length: count }, () => randomItem(random, depth - 1)) })
  const keys = new Map<string, Item>()
  for (let i = 0; i < count; i++) {
    const key = random.chance(0.2) ? random.pick(KEYS) : wellFormed(random.text(random.small(30)))
    keys.set(key, text(key))
  }
  return map(...[...keys.values()].sort(compare).flatMap((key) => [key, randomItem(random, depth - 1)]))
}

const wellFormed = (value: string): string => value.toWellFormed()

const KEYS = [
  '__proto__',
  'constructor',
  'toString',
  '$type',
  '$link',
  '$bytes',
  'mimeType',
  'cid',
  'ref',
  'then',
  '',
]

const all = (root: Item): Item[] => {
  const found = [root]
  for (const each of found) found.push(...each.items)
  return found
}

const WRONG: readonly ((target: Item, random: Random) => void)[] = [
  (target, random) => void (target.width = random.pick([1, 2, 4, 8] as const)),
  (target) => void (target.indefinite = true),
  (target, random) =>
    void (target.lie = random.pick([
      argOf(target) + 1,
      Math.max(0, argOf(target) - 1),
      2 ** 31,
      2 ** 53 - 1,
    ])),
  (target, random) => {
    const [i, j] = [random.int(target.items.length), random.int(target.items.length)]
    const [a, b] = [target.items[i], target.items[j]]
    if (a && b) [target.items[i], target.items[j]] = [b, a]
  },
  (target, random) => {
    // Repeats a key and its value, in place.
    const from = random.int(target.items.length) & ~1
    target.items.splice(from, 0, ...target.items.slice(from, from + 2))
  },
  (target, random) => void target.items.splice(random.int(target.items.length + 1), 0, randomItem(random, 2)),
  (target, random) => void target.items.splice(random.int(target.items.length), 1),
  (target, random) => void Object.assign(target, randomItem(random, 2)),
  (target, random) => void (target.bytes = random.bytes(random.small(80))),
  (target, random) => void (target.major = random.int(8)),
  (target, random) =>
    void (target.arg = random.pick([0, 19, 22, 23, 24, 31, 42, 43, 2 ** 32, 2 ** 53 - 1, 2 ** 53])),
  // Puts in floats, undefined and reserved simple values.
  (target, random) => {
    const [info, length] = random.pick([
      [25, 2],
      [26, 4],
      [27, 8],
      [24, 1],
      [23, 0],
    ] as const)
    Object.assign(target, item(7, { arg: info, width: 0, bytes: random.bytes(length) }))
  },
  (target, random) =>
    void Object.assign(
      target,
      item(6, { arg: random.pick([0, 2, 42, 55799]), items: [randomItem(random, 1)] }),
    ),
  // Nests deeply: parsers must not need a stack of that depth.
  (target, random) => {
    let deep = randomItem(random, 0)
    for (let i = random.pick([100, 127, 128, 129, 5000]); i > 0; i--)
      deep = random.chance(0.5) ? item(4, { items: [deep] }) : map(text('a'), deep)
    Object.assign(target, deep)
  },
  (target, random) => {
    const count = random.pick([300, 5000])
    Object.assign(target, item(4, { items: Array.from({ length: count }, () => item(4)) }))
  },
]

/** Makes one to four items wrong and keeps the rest well-formed, so that what comes after them is still read. */
export const mutateItem = (root: Item, random: Random): Item => {
  for (let left = 1 + random.small(4); left > 0; left--) {
    random.pick(WRONG)(random.pick(all(root)), random)
  }
  return root
}
