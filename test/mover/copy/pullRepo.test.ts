import { describe, expect, it } from 'vitest'
import { connect } from '../../../src/client/index.ts'
import { pullRepo, type PullOptions } from '../../../src/mover/copy/pullRepo.ts'
import { sendRepo } from '../../../src/mover/copy/sendRepo.ts'
import type { TransferProgress } from '../../../src/mover/moveEvent.ts'
import { lacking, worldWith } from './support.ts'

const SOURCE = 'https://old.example'
const TIME = '2026-11-22T00:00:00.000Z'

interface Told {
  phase: string
  received?: number
  error?: string
  message?: string
}

/** Follows a server that says these things one after the other. */
const follow = async (says: readonly (Told | undefined)[], token?: PullOptions['token']) => {
  const started: unknown[] = []
  const progress: TransferProgress[] = []
  const left = [...says]
  const now = (told: Told | undefined) =>
    told && { source: SOURCE, received: 0, startedAt: TIME, changedAt: TIME, ...told }
  const fetch = async (url: string, init: { body?: unknown } = {}) => {
    if (url.endsWith('pullRepo')) started.push(JSON.parse(String(init.body)))
    if (url.endsWith('pullRepo')) return Response.json({ pull: now({ phase: 'receiving' }) })
    const told = now(left.shift())
    return Response.json(told ? { pull: told } : {})
  }
  const admin = connect('https://new.example', { admin: { password: 'x' }, fetch: fetch as never })
  const deps = {
    fetch: fetch as never,
    now: () => 0,
    signal: new AbortController().signal,
    wait: async () => {},
    progress: (told: TransferProgress) => void progress.push(told),
  }
  const done = pullRepo(deps, admin, { source: SOURCE, ...(token && { token }) })
  return { done, started, progress }
}

const token = async (refused: boolean) => (refused ? 'another' : 'the first')

describe('a repository that the server fetches itself', () => {
  it('is followed until it is in place', async () => {
    const told = await follow(
      [undefined, { phase: 'receiving', received: 5 }, { phase: 'waiting', received: 7 }, { phase: 'done' }],
      token,
    )
    await told.done
    expect(told.started).toEqual([{ source: SOURCE, token: 'the first' }])
    expect(told.progress.map(({ bytes }) => bytes)).toEqual([0, 5, 7])
  })

  it('is not begun again while it runs', async () => {
    const told = await follow([{ phase: 'verifying' }, { phase: 'done' }], token)
    await told.done
    expect(told.started).toEqual([])
  })

  it('gets the same token after a restart of the server, and another after a refusal', async () => {
    const told = await follow(
      [
        undefined,
        { phase: 'tokenNeeded', received: 5 },
        { phase: 'receiving', received: 6 },
        { phase: 'tokenNeeded', received: 7, error: 'ExpiredToken' },
        { phase: 'done' },
      ],
      token,
    )
    await told.done
    expect(told.started).toMatchObject([{ token: 'the first' }, { token: 'the first' }, { token: 'another' }])
  })

  it.each([
    ['token-refused', Array.from({ length: 9 }, () => ({ phase: 'tokenNeeded', error: 'InvalidToken' }))],
    ['import-refused', [{ phase: 'failed', error: 'WrongDid', message: 'of another' }]],
    ['import-refused', [{ phase: 'failed', error: 'InvalidRequest', message: 'BadSignature' }]],
    ['import-too-large', [{ phase: 'failed', error: 'PayloadTooLarge', message: 'no room' }]],
    ['source-unreachable', [{ phase: 'failed', error: 'UpstreamFailure', message: 'broke off' }]],
    ['import-refused', [undefined]],
  ])('ends with %s where it must', async (code, says) => {
    const told = await follow([undefined, ...says], token)
    await expect(told.done).rejects.toMatchObject({ code })
  })

  it('is fetched where the target does not take it in a request', async () => {
    const world = await worldWith([], { target: { maxImportBytes: 1000 } })
    const { facts } = await world.fetchRepo()
    const options = { did: world.did, target: world.to, store: world.store, facts }
    await expect(sendRepo(world.deps, options)).rejects.toMatchObject({ code: 'import-too-large' })
    const pull = async () => {
      world.target.options.maxImportBytes = Infinity
      const body = await (await world.store.openFile('repo.car'))?.blob()
      await world.to.client.com.atproto.repo.importRepo({
        encoding: 'application/vnd.ipld.car',
        body: body ?? new Blob(),
      })
    }
    expect((await sendRepo(world.deps, { ...options, pull })).outcome).toBe('sent')
    expect(lacking(world).filter((name) => name.includes('/'))).toEqual([])
  })
})
