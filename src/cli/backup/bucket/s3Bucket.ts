import { AwsClient } from 'aws4fetch'
import type { Io } from '../../terminal/io.ts'
import { CliError } from '../../errors.ts'
import { isLoopback } from '../../project/config.ts'
import { errorCodeOf, objectPath, parseBucketPage } from './bucketList.ts'

/** A bucket that is read by the S3 API: R2's, or any other. */
export interface S3Bucket {
  readonly url: string
  /** Keys that begin with this, in order. */
  list(prefix: string): Promise<string[]>
  /** The object's bytes as they arrive; undefined if there is no such object. */
  get(key: string): Promise<AsyncIterable<Uint8Array> | undefined>
}

/** A thousand keys of a kilobyte each, with what is escaped. */
const MAX_LIST_BYTES = 8 * 1024 * 1024
/** A list has a thousand keys in a page: a million objects. */
const MAX_PAGES = 1000
/** How often what failed for now is tried again, each time after a longer wait. */
const RETRY_AFTER_MS = [500, 2000, 5000]

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** `https://<account>.r2.cloudflarestorage.com/<bucket>`: the bucket is in the path. */
const parseUrl = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isRight =
    url &&
    (url.protocol === 'https:' || isLoopback(url.origin)) &&
    /^\/[^/]+\/?$/.test(url.pathname) &&
    url.search === '' &&
    url.username === ''
  if (isRight) return url
  throw new CliError('usage', `--from-bucket "${text}" is not the URL of a bucket`, {
    next: 'give it as https://<account id>.r2.cloudflarestorage.com/<bucket>, or https://<S3 host>/<bucket>',
  })
}

const credentials = (env: Io['env'], host: string) => {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env
  const { AWS_SESSION_TOKEN: sessionToken, AWS_REGION: region = 'auto' } = env
  if (!accessKeyId || !secretAccessKey)
    throw new CliError(
      'bucket-refused',
      `AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for ${host} are not set`,
    )
  return { accessKeyId, secretAccessKey, region, ...(sessionToken ? { sessionToken } : {}) }
}

const textOf = async (answer: Response): Promise<string> => {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of answer.body ?? []) {
    size += chunk.byteLength
    if (size > MAX_LIST_BYTES)
      throw new CliError('bucket-refused', 'the bucket sent more than a list can have')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Opens a bucket for reading, with the keys of the environment. Nothing is asked before the first call. */
export function s3Bucket(io: Pick<Io, 'env' | 'fetch' | 'signal'>, text: string): S3Bucket {
  const { origin, host, pathname } = parseUrl(text)
  const base = `${origin}${pathname.replace(/\/$/, '')}`
  const { region, ...keys } = credentials(io.env, host)
  const client = new AwsClient({ ...keys, service: 's3', region, retries: 0 })

  const ask = async (url: string): Promise<Response> => {
    const { headers } = await client.sign(url, { method: 'GET' })
    return await io.fetch(url, { headers, redirect: 'error', signal: io.signal })
  }

  /** Tries again what may work later. 404 is an answer; anything else that is not one is thrown. */
  const send = async <T>(url: string, read: (answer: Response) => Promise<T>): Promise<T | undefined> => {
    for (let attempt = 0; ; attempt++) {
      io.signal.throwIfAborted()
      const delay = RETRY_AFTER_MS[attempt]
      let failed: { status: number; code: string }
      try {
        const answer = await ask(url)
        if (answer.ok) return await read(answer)
        failed = { status: answer.status, code: errorCodeOf(await textOf(answer)) }
      } catch (cause) {
        if (cause instanceof CliError) throw cause
        if (delay === undefined || io.signal.aborted)
          throw new CliError('bucket-unreachable', `${host} does not answer`, { cause })
        await wait(delay)
        continue
      }
      const { status, code } = failed
      if (status === 404 && code !== 'NoSuchBucket') return undefined
      const isForNow = status >= 500 || status === 429
      if (isForNow && delay !== undefined) {
        await wait(delay)
        continue
      }
      throw new CliError(
        isForNow ? 'bucket-unreachable' : 'bucket-refused',
        `${host} answered ${status}${code ? ` ${code}` : ''}`,
      )
    }
  }

  async function* orUnreachable(body: ReadableStream<Uint8Array>, key: string): AsyncGenerator<Uint8Array> {
    try {
      yield* body
    } catch (cause) {
      throw new CliError('bucket-unreachable', `${host} broke off while it sent ${key}`, { cause })
    }
  }

  return {
    url: base,
    list: async (prefix) => {
      const found: string[] = []
      let next: string | undefined
      for (let page = 0; page < MAX_PAGES; page++) {
        const query = new URLSearchParams({ 'list-type': '2', prefix })
        if (next !== undefined) query.set('continuation-token', next)
        const xml = await send(`${base}?${query}`, textOf)
        if (xml === undefined) throw new CliError('bucket-refused', `${host} has no such bucket`)
        const answer = parseBucketPage(xml, host)
        for (const key of answer.keys) found.push(key)
        if (answer.next === undefined) return found
        if (answer.next === next) break
        next = answer.next
      }
      throw new CliError('bucket-refused', `${host} lists without end`)
    },
    get: async (key) => {
      const path = objectPath(key)
      if (path === undefined) return undefined
      const answer = await send(`${base}/${path}`, async (found) => found)
      if (!answer) return undefined
      if (!answer.body) throw new CliError('bucket-unreachable', `${host} sent nothing as ${key}`)
      return orUnreachable(answer.body, key)
    },
  }
}
