import { decodeAll } from '@atproto/lex-cbor'
import { describe, expect, it } from 'vitest'
import { XrpcError } from '../../src/xrpc/errors.ts'
import { errorFrame, messageFrame } from '../../src/xrpc/frames.ts'
import type { Upgraded } from '../../src/xrpc/types.ts'
import { mount, problem, reports } from './support.ts'

const id = 'com.atproto.sync.subscribeRepos'
const UPGRADE = { headers: { upgrade: 'WebSocket' } }

/** A socket that records the calls of its methods. */
const upgradable = () => {
  const done: unknown[] = []
  const socket = {
    accept: () => done.push('accept'),
    send: (frame: Uint8Array) => done.push([...decodeAll(frame)]),
    close: (code: number, reason: string) => done.push(['close', code, reason]),
  }
  const response = new Response(null, { status: 200, headers: { 'x-upgraded': 'yes' } })
  // Only these three are called here.
  return { done, upgrade: (): Upgraded => ({ socket: socket as unknown as WebSocket, response }) }
}

describe('a subscription', () => {
  it('passes its decoded parameters and the socket to the handler, which accepts it', async () => {
    const { done, upgrade } = upgradable()
    const seen: unknown[] = []
    const server = mount(id, ({ params, ...rest }) => void seen.push(params, 'socket' in rest), { upgrade })
    const answer = await server(`${id}?cursor=5&unknown=1`, UPGRADE)
    expect(answer.headers.get('x-upgraded')).toBe('yes')
    expect(seen).toEqual([{ cursor: 5 }, true])
    expect(done).toEqual([])
  })

  it('reports an error in a frame and closes: a browser cannot read the status of a handshake', async () => {
    const cases: [string, () => void, string, string][] = [
      ['?cursor=abc', () => {}, 'InvalidRequest', 'Parameter "cursor"'],
      ['?cursor=1&cursor=2', () => {}, 'InvalidRequest', 'given 2 times'],
      ['', () => raise(new XrpcError('FutureCursor', 'too far')), 'FutureCursor', 'too far'],
      ['', () => raise(new XrpcError('NotDeclared', 'secret')), 'InternalServerError', 'id-1'],
      ['', () => raise(new TypeError('secret')), 'InternalServerError', 'id-1'],
    ]
    for (const [query, handler, name, message] of cases) {
      const { done, upgrade } = upgradable()
      await mount(id, handler, { upgrade })(`${id}${query}`, UPGRADE)
      expect(done).toEqual([
        'accept',
        [{ op: -1 }, { error: name, message: expect.stringContaining(message) }],
        ['close', 1008, name],
      ])
      expect(JSON.stringify(done)).not.toContain('secret')
    }
    reports.splice(0)
  })

  it('refuses over HTTP a request that is not a handshake', async () => {
    const server = mount(id, () => {}, { upgrade: upgradable().upgrade })
    const plain = await server(id)
    expect(plain.headers.get('upgrade')).toBe('websocket')
    expect(await problem(plain)).toEqual([400, 'InvalidRequest', expect.stringContaining('WebSocket')])
    const post = await server(id, { method: 'POST', ...UPGRADE })
    expect(await problem(post)).toEqual([400, 'InvalidRequest', expect.stringContaining('expected GET')])
  })

  it('is forwarded unchanged where it does not run', async () => {
    const forward = async (request: Request) => new Response(request.headers.get('upgrade'))
    const answer = await mount(id, undefined, { forward })(id, UPGRADE)
    expect(await answer.text()).toBe('WebSocket')
    const nowhere = await mount(id, undefined)(id, UPGRADE)
    expect(await problem(nowhere)).toEqual([501, 'MethodNotImplemented', expect.any(String)])
  })
})

describe('frames', () => {
  it('are a header and a body, byte for byte', () => {
    expect(Buffer.from(messageFrame('commit', new Uint8Array([0xa0]))).toString('hex')).toBe(
      'a261746723636f6d6d6974626f7001a0',
    )
    expect(Buffer.from(errorFrame('ConsumerTooSlow', 'x')).toString('hex')).toBe(
      'a1626f7020a2656572726f726f436f6e73756d6572546f6f536c6f77676d6573736167656178',
    )
  })
})

const raise = (cause: Error): never => {
  throw cause
}
