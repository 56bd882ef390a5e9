/** A bucket with the S3 API, which refuses what is not signed with its keys (Signature Version 4). */
import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'

export const ACCESS_KEY = 'access-key-of-the-test'
export const SECRET_KEY = 'secret-key-of-the-test'

export interface S3Server extends AsyncDisposable {
  /** The bucket's URL. */
  readonly url: string
  readonly objects: Map<string, Uint8Array>
  /** What was asked for, oldest first. */
  readonly requests: string[]
  /** Answers these requests with this status, as often as `times` says. */
  fail(status: number, times: number): void
  close(): Promise<void>
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const encode = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)

/** Whether a request is signed as the documentation of S3 says, computed here from the request as it arrived. */
const isSigned = ({ url = '', method = '', headers }: IncomingMessage): boolean => {
  const said =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    )
  const time = headers['x-amz-date']
  if (!said || typeof time !== 'string') return false
  const [, access, day = '', region = '', names = '', signature] = said
  const { pathname, searchParams } = new URL(url, 'http://s3')
  const query = [...searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .toSorted()
    .join('&')
  const signed = names.split(';')
  if (!signed.includes('host') || !time.startsWith(day)) return false
  const path = pathname
    .split('/')
    .map((part) => encode(decodeURIComponent(part)))
    .join('/')
  const lines = signed.map((name) => `${name}:${String(headers[name]).trim()}\n`).join('')
  const canonical = [method, path, query, lines, names, headers['x-amz-content-sha256']].join('\n')
  const scope = `${day}/${region}/s3/aws4_request`
  const key = ['s3', 'aws4_request'].reduce(hmac, hmac(hmac(`AWS4${SECRET_KEY}`, day), region))
  const expected = hmac(key, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`).toString('hex')
  return access === ACCESS_KEY && signature === expected
}

const PAGE = 5

export async function startS3(name = 'cirrus-blobs'): Promise<S3Server> {
  const objects = new Map<string, Uint8Array>()
  const requests: string[] = []
  let failing = { status: 0, times: 0 }
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    const error = (status: number, code: string) =>
      response
        .writeHead(status, { 'content-type': 'application/xml' })
        .end(`<Error><Code>${code}</Code></Error>`)
    if (failing.times-- > 0) return error(failing.status, 'SlowDown')
    if (!isSigned(request)) return error(403, 'SignatureDoesNotMatch')
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://s3')
    const [, bucket, ...parts] = pathname.split('/').map(decodeURIComponent)
    if (bucket !== name) return error(404, 'NoSuchBucket')
    const key = parts.join('/')
    if (key === '') {
      const prefix = searchParams.get('prefix') ?? ''
      const after = searchParams.get('continuation-token') ?? ''
      const keys = [...objects.keys()].filter((each) => each.startsWith(prefix) && each > after).toSorted()
      const page = keys.slice(0, PAGE)
      const more = keys.length > PAGE
      const next = more ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : ''
      const contents = page.map((each) => `<Contents><Key>${each}</Key></Contents>`).join('')
      return response.end(
        `<ListBucketResult><IsTruncated>${more}</IsTruncated>${next}${contents}</ListBucketResult>`,
      )
    }
    const object = objects.get(key)
    if (!object) return error(404, 'NoSuchKey')
    return response.writeHead(200, { 'content-length': object.byteLength }).end(object)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the bucket has no port')
  const close = async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  return {
    url: `http://localhost:${address.port}/${name}`,
    objects,
    requests,
    fail: (status, times) => {
      failing = { status, times }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
