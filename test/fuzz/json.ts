import type { Random } from './random.ts'

/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

/** Sets a member of any name: a plain assignment would lose one named `__proto__`. */
export const put = (object: { [name: string]: Json }, name: string, value: Json): void => {
  Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true })
}

const CID = 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
const RAW = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
const NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'then',
  'toJSON',
  'length',
  '',
].concat(['$type', '$link', '$bytes', 'ref', 'cid', 'mimeType', 'size', 'id', 'code', 'multihash', 'asCID'])

const deep = (random: Random): Json => {
  let value: Json = random.pick<Json>([null, 'end', {}])
  for (let i = random.pick([50, 127, 128, 129, 130, 3000]); i > 0; i--)
    value = random.chance(0.5) ? [value] : { a: value }
  return value
}

/** A value at the edge of what some format allows. */
const edgeCase = (random: Random): Json => {
  const blob = { $type: 'blob', ref: { $link: RAW }, mimeType: 'image/png', size: 10 }
  return random.pick<() => Json>([
    () => null,
    () => random.pick([0, -0, 1, -1, 0.5, 1e308, -1e-7, 2 ** 31, 2 ** 53 - 1, 2 ** 53, -(2 ** 53), 1e21]),
    () => random.chance(0.5),
    () => random.text(random.small(40)),
    () => random.pick(['a', ' ', 'é', '😀', '\ud800', '\0']).repeat(random.pick([1, 64, 300, 3001, 20_000])),
    () =>
      random.pick([
        'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
        'did:web:a.example',
        'at://did:plc:x/a.b.c/d',
        'https://x.example/',
        '2026-01-01T00:00:00Z',
      ]),
    () =>
      random.pick([
        '2026-02-30T00:00:00Z',
        '0000-01-01T00:00:00Z',
        'en-GB-oed',
        '3jzfcijpj2z2a',
        '..',
        'a/b',
        'self',
        CID,
        RAW,
      ]),
    () => [],
    () => ({}),
    () => deep(random),
    () => ({
      $link: random.pick([
        CID,
        RAW,
        '',
        'bafy',
        `z${'1'.repeat(60)}`,
        `k${'0'.repeat(100)}`,
        'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPkGM',
        CID.toUpperCase(),
      ]),
    }),
    () => ({ $link: edgeCase(random) }),
    () => ({ $bytes: random.pick<Json>(['AAAA', 'AA==', 'AA', '!', 'AAA=A', 7, null, 'AB']) }),
    () => ({ $link: CID, other: 1 }),
    () => ({ $bytes: 'AAAA', $link: CID }),
    () => blob,
    () => ({ ...blob, size: random.pick([-1, 0.5, 2 ** 53, 0]) }),
    () => ({ ...blob, ref: random.pick<Json>([CID, { $link: CID }, null, { $bytes: 'AAAA' }]) }),
    () => ({ cid: RAW, mimeType: 'image/png' }),
    () => ({
      $type: random.pick([
        '',
        'x',
        'blob',
        'app.bsky.feed.post',
        'app.bsky.embed.images',
        '#main',
        'a#b#c',
        'lex:a',
      ]),
    }),
    () => Array.from({ length: random.pick([2, 101, 2000]) }, () => random.pick<Json>([0, '', null])),
  ])()
}

interface Slot {
  parent: Json[] | { [name: string]: Json }
  key: string | number
}

const slots = (root: Json): Slot[] => {
  const found: Slot[] = []
  const open: Json[] = [root]
  for (let value = open.pop(); value !== undefined && found.length < 4000; value = open.pop()) {
    if (Array.isArray(value)) {
      for (const [key, inner] of value.entries()) {
        found.push({ parent: value, key })
        open.push(inner)
      }
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) {
        found.push({ parent: value, key })
        open.push(inner)
      }
    }
  }
  return found
}

const get = ({ parent, key }: Slot): Json => (parent as { [key: string]: Json })[key] ?? null // arrays too

const replace = ({ parent, key }: Slot, value: Json): void => {
  if (Array.isArray(parent)) parent[Number(key)] = value
  else put(parent, String(key), value)
}

const changeSlot = (slot: Slot, random: Random, others: readonly Slot[]): void => {
  const { parent, key } = slot
  const old = get(slot)
  switch (random.int(9)) {
    case 0:
    case 1:
    case 2:
      return replace(slot, edgeCase(random))
    case 3:
      if (Array.isArray(parent)) parent.splice(Number(key), 1)
      else delete parent[key]
      return
    case 4:
      if (Array.isArray(parent)) parent.splice(Number(key), 0, edgeCase(random))
      else
        put(parent, random.chance(0.5) ? random.pick(NAMES) : random.text(random.small(40)), edgeCase(random))
      return
    case 5:
      if (Array.isArray(parent))
        parent.splice(Number(key), 0, ...Array.from({ length: random.small(30) }, () => old))
      return
    case 6:
      // A subtree from elsewhere, copied, because JSON cannot express a cycle.
      return replace(slot, copy(get(random.pick(others))))
    case 7:
      if (typeof old === 'string') {
        const i = random.int(old.length + 1)
        return replace(slot, old.slice(0, i) + random.text(random.int(3)) + old.slice(i + random.int(3)))
      }
      return replace(slot, typeof old === 'number' ? old + random.pick([1, -1, 0.5, 1e15]) : edgeCase(random))
    case 8:
      if (typeof old === 'string')
        return replace(slot, random.chance(0.5) ? old.toUpperCase() : `${old}${old}`)
      return replace(slot, [old])
  }
}

/** The value as text, however deep it nests: what a generator makes must not depend on the size of the stack. */
export const jsonText = (value: Json): string => {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    if (cause instanceof RangeError) return withoutStack(value)
    throw cause
  }
}

/** What `JSON.stringify` gives, with a list of what is still to be written in place of the stack. */
const withoutStack = (root: Json): string => {
  const parts: string[] = []
  const open: ({ text: string } | { value: Json })[] = [{ value: root }]
  for (let next = open.pop(); next; next = open.pop()) {
    if ('text' in next) {
      parts.push(next.text)
      continue
    }
    const { value } = next
    if (typeof value !== 'object' || value === null) {
      parts.push(JSON.stringify(value))
      continue
    }
    const list = Array.isArray(value)
    const members = Object.entries(value)
    parts.push(list ? '[' : '{')
    open.push({ text: list ? ']' : '}' })
    for (let i = members.length - 1; i >= 0; i--) {
      const [key, inner] = members[i] ?? ['', null]
      open.push({ value: inner }, { text: `${i > 0 ? ',' : ''}${list ? '' : `${JSON.stringify(key)}:`}` })
    }
  }
  return parts.join('')
}

const copy = (value: Json): Json => JSON.parse(jsonText(value)) as Json

/** A copy with one to five changes. */
export const mutateJson = (value: Json, random: Random): Json => {
  // In a list, so that the whole value can be replaced, too.
  const root: Json[] = [copy(value)]
  for (let left = 1 + random.small(5); left > 0; left--) {
    const found = slots(root)
    if (found.length === 0) break
    changeSlot(random.pick(found), random, found)
  }
  return root[0] ?? null
}
