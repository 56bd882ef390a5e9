import {
  type BucketPage,
  errorCodeOf,
  objectPath,
  parseBucketPage,
} from '../../../src/cli/backup/bucket/bucketList.ts'
import { CliError } from '../../../src/cli/errors.ts'
import type { Target } from '../engine.ts'
import type { Random } from '../random.ts'
import { plain } from './same.ts'

const KEYS = [
  'backup/did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/20261130T010203Z.json',
  'backup/did:web:a.example%3A8443/20261130T010203Z/blobs.jsonl',
  'backup/did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/repo/bafy.car',
  ...['a', 'ü/😀', ' ', '..', 'a/../b', './a', 'a//b', '%2e%2e/a', '&<>"\'', ']]>', 'a\u0001b', '\ud800'],
]
const ENTITIES = [
  ...['&amp;', '&lt;', '&gt;', '&quot;', '&apos;', '&#65;', '&#x41;', '&#x1;', '&#x1F600;', '&#38;lt;'],
  ...['&amp;amp;', '&#xD800;', '&#x110000;', '&#99999999999;', '&#x;', '&#a;', '&nbsp;', '&', '&;', '&#0;'],
]
const PIECES = [
  ...['<Key>', '</Key>', '<Key/>', '<Key a="b">', '<Contents>', '</Contents>', '<ListBucketResult>'],
  ...['</ListBucketResult>', '<!--', '-->', '<![CDATA[', ']]>', '<!DOCTYPE a [<!ENTITY b "c">]>', '<?xml?>'],
  ...['<IsTruncated>true</IsTruncated>', '<NextContinuationToken>t</NextContinuationToken>', '<a:Key>', '<'],
]

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const keyText = (random: Random): string => {
  const key = random.chance(0.8) ? random.pick(KEYS) : random.text(random.small(60))
  return `${random.chance(0.9) ? escape(key) : key}${random.chance(0.2) ? random.pick(ENTITIES) : ''}`
}

const page = (random: Random): string => {
  const contents = Array.from(
    { length: random.chance(0.02) ? 2000 : random.small(20) },
    () =>
      `<Contents><Key>${keyText(random)}</Key><LastModified>2026-11-30T01:02:03.000Z</LastModified><Size>10</Size></Contents>`,
  ).join(random.pick(['', '\n  ']))
  const truncated = random.pick(['', '<IsTruncated>false</IsTruncated>', '<IsTruncated>true</IsTruncated>'])
  const next = random.chance(0.5)
    ? `<NextContinuationToken>${keyText(random)}</NextContinuationToken>`
    : random.pick(['', '<NextContinuationToken/>'])
  const head = random.pick(['', '<?xml version="1.0" encoding="UTF-8"?>\n'])
  const attributes = random.pick(['', ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'])
  const name = random.chance(0.95) ? 'ListBucketResult' : random.pick(['Error', 'html', 'ListVersionsResult'])
  return `${head}<${name}${attributes}><Name>b</Name>${truncated}${next}${contents}</${name}>`
}

const disturb = (xml: string, random: Random): string => {
  let text = xml
  for (let left = 1 + random.small(4); left > 0; left--) {
    const at = random.int(text.length + 1)
    const added = random.chance(0.7) ? random.pick([...PIECES, ...ENTITIES]) : random.text(random.small(8))
    text =
      text.slice(0, at) + added.repeat(random.pick([1, 1, 1, 50, 5000])) + text.slice(at + random.small(30))
  }
  return text
}

/** What an S3 server, or something in its place, answers to the question for a bucket's objects. */
export const bucketList: Target<string, BucketPage> = {
  name: 'bucketList',
  typed: [CliError],
  generate: (random) => (random.chance(0.5) ? page(random) : disturb(page(random), random)),
  ...plain,
  mutate: (input, random, others) =>
    random.chance(0.5) ? disturb(input, random) : plain.mutate(input, random, others),
  run: (xml) => {
    errorCodeOf(xml)
    const found = parseBucketPage(xml, 's3.example')
    for (const key of found.keys) objectPath(key)
    return found
  },
  check: (xml, { keys, next }) => {
    // Whatever tells the end of a list must be read: an older backup would be taken for the newest.
    if (keys.length !== (xml.match(/<Key(?=[\s/>])/g) ?? []).length)
      throw new Error(`${keys.length} keys were found`)
    if (/<IsTruncated>true</.test(xml) && next === undefined) throw new Error('a part is taken for the whole')
    for (const key of keys) {
      const path = objectPath(key)
      if (path === undefined) continue
      const { pathname } = new URL(`https://s3.example/bucket/${path}`)
      if (!pathname.startsWith('/bucket/')) throw new Error(`${key} leads out of the bucket`)
      if (decodeURIComponent(pathname.slice('/bucket/'.length)) !== key)
        throw new Error(`${key} is asked for as ${pathname}`)
    }
  },
}
