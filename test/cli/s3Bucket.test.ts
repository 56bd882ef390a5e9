// Buckets whose servers answer badly.
import { expect, it } from 'vitest'
import { s3Bucket } from '../../src/cli/backup/bucket/s3Bucket.ts'
import { cut } from '../mover/fakes/network.ts'

const URL_OF_BUCKET = 'https://s3.example/bucket'
const list = (inner: string) => new Response(`<ListBucketResult>${inner}</ListBucketResult>`)
const KEY = '<Contents><Key>backup/a</Key></Contents>'

/** A bucket whose server gives these answers, one after the other, and then the last one. */
const bucketOf = (...answers: (() => Response)[]) => {
  const asked: string[] = []
  const fetch = async (url: string | URL | Request) => {
    asked.push(String(url))
    return (answers[asked.length - 1] ?? answers.at(-1))?.() ?? Response.error()
  }
  const env = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' }
  const io = { env, fetch, signal: new AbortController().signal }
  return { bucket: s3Bucket(io, URL_OF_BUCKET), asked }
}

it.each([
  ['a page for signing in', () => new Response('<html><body>Sign in</body></html>')],
  ['a part of a list, and not how to ask for the rest', () => list(`<IsTruncated>true</IsTruncated>${KEY}`)],
  [
    'the same part again and again',
    () => list(`<IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken>${KEY}`),
  ],
  ['an error with a code that is not one', () => new Response('<Code>\u001b[2J</Code>', { status: 403 })],
])('refuses %s, which is not an empty bucket', async (_, answer) => {
  const { bucket, asked } = bucketOf(answer)
  const refused = await bucket.list('backup/').catch((cause: unknown) => cause)
  expect(refused).toMatchObject({ code: 'bucket-refused' })
  expect(String(refused)).not.toContain('\u001b')
  expect(asked.length).toBeLessThan(4)
})

it('asks again for a list that broke off', async () => {
  const whole = new Uint8Array(Buffer.from(`<ListBucketResult>${KEY}</ListBucketResult>`))
  const { bucket, asked } = bucketOf(
    () => cut(whole, 20, {}),
    () => new Response(whole),
  )
  expect(await bucket.list('backup/')).toEqual(['backup/a'])
  expect(asked).toHaveLength(2)
})

it('says which object broke off', async () => {
  const { bucket } = bucketOf(() => cut(new Uint8Array(100), 20, {}))
  const read = async () => {
    for await (const _ of (await bucket.get('backup/a')) ?? []);
  }
  await expect(read()).rejects.toMatchObject({
    code: 'bucket-unreachable',
    message: expect.stringContaining('backup/a'),
  })
})

it.each(['..', '../other-bucket/a', 'a/./b', 'half \ud800', ''])(
  'does not ask for the key "%s"',
  async (key) => {
    const { bucket, asked } = bucketOf(() => new Response('a'))
    expect(await bucket.get(key)).toBeUndefined()
    expect(asked).toEqual([])
  },
)
