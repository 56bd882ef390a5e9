import { AwsClient } from 'aws4fetch'
import type { Io } from '../../terminal/io.ts'
import { CliError } from '../../errors.ts'
import { isLoopback } from '../../project/config.ts'

/** A bucket that is read by the S3 API: R2's, or any other. */
export interface S3Bucket {
  readonly url: string
  /** Keys that begin with this, in order. */
  list(prefix: string): Promise<string[]>
  /** The object's bytes as they arrive; undefined if there is no such object. */
  get(key: string): Promise<{ body: ReadableStream<Uint8Array>; size: number | undefined } | undefined>
}

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

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
const unescape = (text: string): string =>
  text
    .replaceAll(/&#(x?)([0-9a-f]+);/gi, (_, hex: string, code: string) =>
      String.fromCodePoint(Number.parseInt(code, hex ? 16 : 10)),
    )
    .replaceAll(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => ENTITIES[name] ?? '')

const valuesOf = (xml: string, tag: string): string[] =>
  [...xml.matchAll(new RegExp(`<${tag}>([^<]*)</${tag}>`, 'g'))].map(([, text = '']) => unescape(text))

/** The S3 error's code, such as `SignatureDoesNotMatch`. */
const errorCode = (xml: string): string => valuesOf(xml, 'Code')[0] ?? ''

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
  const send = async (url: string): Promise<Response | undefined> => {
    for (let attempt = 0; ; attempt++) {
      io.signal.throwIfAborted()
      const delay = RETRY_AFTER_MS[attempt]
      let answer: Response
      try {
        answer = await ask(url)
      } catch (cause) {
        if (delay === undefined || io.signal.aborted)
          throw new CliError('bucket-unreachable', `${host} does not answer`, { cause })
        await wait(delay)
        continue
      }
      if (answer.ok) return answer
      const code = errorCode(await textOf(answer))
      if (answer.status === 404 && code !== 'NoSuchBucket') return undefined
      const isForNow = answer.status >= 500 || answer.status === 429
      if (isForNow && delay !== undefined) {
        await wait(delay)
        continue
      }
      throw new CliError(
        isForNow ? 'bucket-unreachable' : 'bucket-refused',
        `${host} answered ${answer.status}${code ? ` ${code}` : ''}`,
      )
    }
  }

  return {
    url: base,
    list: async (prefix) => {
      const found: string[] = []
      let token = ''
      for (let page = 0; page < MAX_PAGES; page++) {
        const query = new URLSearchParams({ 'list-type': '2', prefix })
        if (token) query.set('continuation-token', token)
        const answer = await send(`${base}?${query}`)
        if (!answer) throw new CliError('bucket-refused', `${host} has no such bucket`)
        const xml = await textOf(answer)
        found.push(...valuesOf(xml, 'Key'))
        token = valuesOf(xml, 'NextContinuationToken')[0] ?? ''
        if (valuesOf(xml, 'IsTruncated')[0] !== 'true' || token === '') return found
      }
      throw new CliError('bucket-refused', `${host} lists without end`)
    },
    get: async (key) => {
      const path = key.split('/').map(encodeURIComponent).join('/')
      const answer = await send(`${base}/${path}`)
      if (!answer) return undefined
      if (!answer.body) throw new CliError('bucket-unreachable', `${host} sent nothing as ${key}`)
      const size = Number(answer.headers.get('content-length') ?? Number.NaN)
      return { body: answer.body, size: Number.isSafeInteger(size) ? size : undefined }
    },
  }
}
