import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { connect } from '../../../src/client/index.ts'
import { sendRepo } from '../../../src/mover/copy/sendRepo.ts'
import { uploadRepo } from '../../../src/mover/copy/uploadRepo.ts'
import type { TransferProgress } from '../../../src/mover/moveEvent.ts'
import { lacking, worldWith } from './support.ts'

const TIME = '2026-11-22T00:00:00.000Z'
const CAR = new Uint8Array(1000).map((_, n) => n % 251)
const SHA256 = createHash('sha256').update(CAR).digest('hex')

/** What becomes of a request, in place of the server's answer; undefined: it is answered. */
type Mishap = (part: Uint8Array, server: FakeUploads) => Response | undefined | Promise<Response | undefined>

/** A Cirrus, as far as an upload needs one. */
class FakeUploads {
  received = new Uint8Array(0)
  phase: string | undefined
  more: Record<string, unknown> = {}
  /** Offset and length of each part that came. */
  parts: [number, number][] = []
  begun: unknown[] = []
  /** Of the parts, one after the other. */
  mishaps: (Mishap | undefined)[] = []
  /** Answers to getPull, before it is done. */
  later: Record<string, unknown>[] = []
  source = `sha256:${SHA256}`

  answer(): Response {
    const { source, phase, received, more } = this
    const pull = {
      source,
      phase,
      received: received.length,
      size: CAR.length,
      startedAt: TIME,
      changedAt: TIME,
      ...more,
    }
    return Response.json(phase === undefined ? {} : { pull })
  }

  readonly fetch = async (address: string, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(address)
    if (url.pathname.endsWith('beginRepoUpload')) {
      this.begun.push(JSON.parse(String(init.body)))
      this.phase ??= 'receiving'
      return this.answer()
    }
    if (url.pathname.endsWith('uploadRepoPart')) {
      expect(url.searchParams.get('sha256')).toBe(SHA256)
      const offset = Number(url.searchParams.get('offset'))
      const part = new Uint8Array(await new Response(init.body).arrayBuffer())
      this.parts.push([offset, part.length])
      const mishap = this.mishaps.shift()
      const instead = await mishap?.(part, this)
      if (instead) return instead
      this.take(offset, part)
      return this.answer()
    }
    const next = this.later.shift()
    if (next) {
      const { phase, source, ...more } = next
      Object.assign(this, { phase }, source === undefined ? {} : { source })
      this.more = more
    } else this.phase = 'done'
    return this.answer()
  }

  take(offset: number, part: Uint8Array): void {
    const { received } = this
    const fresh = part.subarray(received.length - offset)
    this.received = new Uint8Array([...received, ...fresh])
    if (this.received.length === CAR.length) this.phase = 'verifying'
  }
}

const refusal = (status: number, error: string) => Response.json({ error, message: 'because' }, { status })

const send = (server: FakeUploads, maxRequestBytes = 300) => {
  const progress: TransferProgress[] = []
  const abort = new AbortController()
  const deps = {
    fetch: server.fetch as never,
    now: () => 0,
    signal: abort.signal,
    wait: async () => {},
    progress: (told: TransferProgress) => void progress.push(told),
  }
  const client = connect('https://new.example', { admin: { password: 'x' }, fetch: server.fetch as never })
  return { done: uploadRepo(deps, client, new Blob([CAR]), { maxRequestBytes }), progress, abort }
}

describe('a repository that is sent in parts', () => {
  it('comes whole, each byte once, and says how far it is', async () => {
    const server = new FakeUploads()
    server.later.push({ phase: 'verifying' }, { phase: 'waiting', error: 'UpstreamFailure' })
    const { done, progress } = send(server)
    await done
    expect(server.received).toEqual(CAR)
    expect(server.begun).toEqual([{ sha256: SHA256, size: 1000 }])
    expect(server.parts).toEqual([
      [0, 300],
      [300, 300],
      [600, 300],
      [900, 100],
    ])
    expect(progress.map(({ bytes }) => bytes)).toEqual([0, 300, 600, 900, 1000, 1000, 1000])
    expect(progress.every(({ totalBytes }) => totalBytes === 1000)).toBe(true)
  })

  it('goes on where an earlier run was interrupted', async () => {
    const server = new FakeUploads()
    server.phase = 'receiving'
    server.received = CAR.slice(0, 450)
    await send(server).done
    expect(server.received).toEqual(CAR)
    expect(server.parts).toEqual([
      [450, 300],
      [750, 250],
    ])
    const verifying = new FakeUploads()
    Object.assign(verifying, { phase: 'verifying', received: CAR })
    await send(verifying).done
    expect(verifying.parts).toEqual([])
  })

  it('sends again what did not come of a part that broke off, failed, or whose answer was lost', async () => {
    const server = new FakeUploads()
    server.mishaps.push(
      // Half of it came.
      (part, self) => {
        self.take(0, part.subarray(0, 150))
        throw new TypeError('connection lost')
      },
      // All of it came, and the answer is lost.
      (part, self) => {
        self.take(150, part)
        return refusal(502, 'UpstreamFailure')
      },
      () => refusal(429, 'RateLimitExceeded'),
      // Another run has sent more, and then it was begun again.
      (_, self) => {
        self.received = self.received.slice(0, 100)
        return refusal(400, 'PartMissing')
      },
    )
    await send(server).done
    expect(server.received).toEqual(CAR)
    expect(server.parts.map(([offset]) => offset)).toEqual([0, 150, 450, 450, 100, 400, 700])
  })

  it.each([
    ['import-refused', (): Response => refusal(400, 'InvalidRequest')],
    ['import-refused', () => refusal(400, 'UploadNotFound')],
    ['import-too-large', () => refusal(413, 'PayloadTooLarge')],
    ['import-too-large', () => new Response('<html>', { status: 413 })],
    ['sign-in-needed', () => refusal(401, 'AuthMissing')],
  ])('ends with %s where a part is refused', async (code, answer) => {
    const server = new FakeUploads()
    server.mishaps.push(answer)
    await expect(send(server).done).rejects.toMatchObject({ code })
    expect(server.parts).toHaveLength(1)
  })

  it.each([
    ['import-too-large', () => refusal(501, 'MethodNotImplemented')],
    ['import-too-large', () => refusal(413, 'PayloadTooLarge')],
    ['import-refused', () => refusal(400, 'PullInProgress')],
    ['import-refused', () => refusal(400, 'ImportInProgress')],
    ['import-refused', () => refusal(400, 'RetentionLocked')],
  ])('ends with %s where it is not begun', async (code, answer) => {
    const server = new FakeUploads()
    Object.assign(server, { fetch: async () => answer() })
    await expect(send(server).done).rejects.toMatchObject({ code })
  })

  it.each([
    ['import-refused', { phase: 'failed', error: 'InvalidRequest', message: 'BadSignature' }],
    ['target-unreachable', { phase: 'failed', error: 'UpstreamFailure', message: 'the directory' }],
    ['import-refused', { phase: 'receiving', source: 'https://another.example' }],
  ])('ends with %s where it is not put in place', async (code, says) => {
    const server = new FakeUploads()
    server.later.push(says)
    await expect(send(server).done).rejects.toMatchObject({ code })
  })

  it('gives up a server that keeps nothing', async () => {
    const server = new FakeUploads()
    server.take = () => {}
    await expect(send(server).done).rejects.toMatchObject({ code: 'target-lies' })
    expect(server.parts).toHaveLength(3)
  })

  it('can be interrupted', async () => {
    const server = new FakeUploads()
    const sending = send(server)
    server.mishaps.push(undefined, () => {
      sending.abort.abort(new Error('interrupted'))
      throw new DOMException('aborted', 'AbortError')
    })
    await expect(sending.done).rejects.toThrow('interrupted')
    expect(server.received).toHaveLength(300)
  })

  it('is what a Cirrus gets that cannot fetch it, and no other server', async () => {
    const world = await worldWith([])
    const { facts } = await world.fetchRepo()
    const server = new FakeUploads()
    const begun: string[] = []
    const fetch = async (url: string, init: RequestInit) => {
      if (!url.includes('com.cirrus.admin')) return await world.deps.fetch(url, init)
      begun.push(new URL(url).pathname)
      if (url.endsWith('beginRepoUpload')) return refusal(501, 'MethodNotImplemented')
      return await server.fetch(url, init)
    }
    const { origin } = world.to.client
    const target = { ...world.to, client: connect(origin, { token: 'x', fetch: fetch as never }) }
    const options = { did: world.did, store: world.store, facts, maxRequestBytes: 500 }
    const cirrus = sendRepo(world.deps, { ...options, target: { ...target, kind: 'cirrus' } })
    await expect(cirrus).rejects.toMatchObject({ code: 'import-too-large' })
    expect(begun).toEqual(['/xrpc/com.cirrus.admin.beginRepoUpload'])
    expect((await sendRepo(world.deps, { ...options, target: world.to })).outcome).toBe('sent')
    expect(begun).toHaveLength(1)
    expect(lacking(world).filter((name) => name.includes('/'))).toEqual([])
  })
})
