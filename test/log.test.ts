import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { log, logBug, logFailure, methodOf } from '../src/log.ts'

let lines: string[] = []
beforeEach(() => {
  lines = []
  for (const level of ['log', 'warn', 'error'] as const)
    vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(line))
})
afterEach(() => vi.restoreAllMocks())
const written = (): unknown => JSON.parse(lines.at(-1) ?? '')

const TOKEN = 'eyJhbGciOiJFUzI1NksifQ.eyJpc3MiOiJ4In0.c2lnbmF0dXJl'

describe('the log', () => {
  it('is one JSON object in a line', () => {
    log('log', { event: 'request', method: 'a.b.c', status: 200, ms: 3, ray: undefined })
    expect(lines).toEqual(['{"event":"request","method":"a.b.c","status":200,"ms":3}'])
    log('warn', { event: 'relay', message: 'two\nlines' })
    expect(lines.at(-1)).not.toContain('\n')
  })

  it('has no token and no query of an address, whatever an error says', () => {
    logBug(
      'id-1',
      new Error(`refused to ask "https://x.example/y?token=canary": Bearer ${TOKEN}, ${TOKEN}`, {
        cause: new Error('GET /xrpc/a.b.c?did=canary Basic YWRtaW46Y2FuYXJ5'),
      }),
    )
    expect(written()).toMatchObject({
      event: 'bug',
      id: 'id-1',
      message: 'refused to ask "https://x.example/y?…": [secret], [secret]',
    })
    for (const secret of ['canary', TOKEN, 'YWRtaW46Y2FuYXJ5']) expect(lines.join()).not.toContain(secret)
  })

  it('has no code and no refresh token of an app', () => {
    const id = '0123456789abcdef'.repeat(2)
    logBug('id-1', new Error(`cod-${id}-${id} and ref-${id}-${id}-Ab_9-x`))
    expect(written()).toMatchObject({ message: '[secret] and [secret]' })
  })

  it('takes whatever was thrown', () => {
    logFailure('maintenance-failed', 'text')
    expect(written()).toMatchObject({ event: 'maintenance-failed', message: 'text' })
  })

  it.each([
    ['/xrpc/com.atproto.sync.getRepo?did=did:plc:x', 'com.atproto.sync.getRepo'],
    ['/xrpc/%20secret', 'other'],
    ['/xrpc/', 'other'],
    ['/.well-known/did.json?x', '/.well-known/did.json'],
    ['/?token=x', '/'],
    ['/wp-admin/eyJ', 'other'],
    ['/oauth/authorize?request_uri=urn:x', '/oauth/authorize'],
    ['/oauth/token', '/oauth/token'],
    ['/oauth/secret', 'other'],
    ['/account/passkeys/canary', '/account'],
  ])('calls %s by its method, %s', (path, method) => {
    expect(methodOf(`https://pds.example.com${path}`)).toBe(method)
  })
})
