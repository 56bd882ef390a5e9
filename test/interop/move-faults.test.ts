// The mover between two reference PDSes, with a fault at every place where one can be: afterwards nothing is lost.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { memoryStore } from '../mover/fakes/memoryStore.ts'
import { startPlc } from '../support/plc.ts'
import { dying, finish, killAtEachLine, nameOf, type Row, settle, tableOf } from './support/faults.ts'
import { type Mover, type MoveStage, NEW_PASSWORD, newMover, runMover } from './support/mover.ts'
import { startReference } from './support/reference.ts'

let stage: MoveStage
beforeAll(async () => {
  const plc = await startPlc()
  const [source, target] = await Promise.all([
    startReference({ plcUrl: plc.url }),
    startReference({ plcUrl: plc.url }),
  ])
  stage = { plc, source, target }
})
afterAll(async () => {
  await Promise.all([stage?.source.close(), stage?.target.close()])
  await stage?.plc.close()
  process.stdout.write(`\n${tableOf(rows)}\n`)
})

const rows: Row[] = []

/** Notes what a fault has cost, after the move has been finished. */
const note = (fault: string, where: string, mover: Mover, runs: number) =>
  settle(stage, rows, { fault, where, mover, runs })

describe('the mover is killed', () => {
  // Every line on either side of the disk, and every line without the journal: test:nightly.
  it('before each line of its journal is on the disk, and goes on with the journal', async () => {
    expect(await killAtEachLine(stage, rows, { when: 'before', journal: 'kept' })).toBeGreaterThan(25)
  }, 600_000)

  it('in each step, and goes on from another machine, without the journal', async () => {
    const only = (name: string) => /done|signed|submitted/.test(name)
    await killAtEachLine(stage, rows, { when: 'before', journal: 'lost', only })
  }, 600_000)

  it('at every line again and again, in one move', async () => {
    const mover = await newMover(stage)
    const store = memoryStore()
    let runs = 0
    for (;;) {
      // Each run gets one line further than the one before.
      const mortal = dying(store, runs++, 'after')
      const report = await runMover(stage, mover, { store: mortal }).catch((cause: unknown) => {
        if (mortal.died === undefined) throw cause
      })
      if (report) break
      expect(runs).toBeLessThan(200)
    }
    await note('killed', 'at each line again', mover, runs)
  }, 600_000)
})

type Fetch = typeof fetch
const methodOf = (input: Parameters<Fetch>[0]): string =>
  new URL(input instanceof Request ? input.url : String(input)).pathname.replace('/xrpc/', '')

/** A body that ends in the middle, as when a cable is pulled. */
const cut = (answer: Response): Response => {
  const reader = answer.body?.getReader()
  let sent = 0
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await reader?.read()
      const chunk = next?.value
      if (!chunk || sent > 0) return controller.error(new TypeError('terminated'))
      sent++
      controller.enqueue(chunk.subarray(0, Math.ceil(chunk.length / 2)))
    },
  })
  const { status, headers } = answer
  return new Response(body, { status, headers })
}

/** Changes the first answers of a method, or takes their place. */
const faulty = (
  fault: (method: string, times: number, ask: () => Promise<Response>) => Promise<Response> | undefined,
): Fetch => {
  const times = new Map<string, number>()
  return async (input, init) => {
    const method = methodOf(input)
    const n = (times.get(method) ?? 0) + 1
    times.set(method, n)
    return (await fault(method, n, () => fetch(input, init))) ?? (await fetch(input, init))
  }
}

describe('the network', () => {
  it.each(['com.atproto.sync.getRepo', 'com.atproto.sync.getBlob'])('is cut inside of %s', async (method) => {
    const mover = await newMover(stage, { records: 30, blobs: 4, blobBytes: 300_000 })
    const send = faulty((called, n, ask) => (called === method && n <= 2 ? ask().then(cut) : undefined))
    const runs = await finish(stage, mover, { store: memoryStore(), fetch: send })
    await note('the network is cut', `inside of ${method}`, mover, runs)
  })

  it('loses every answer once, although the server has done what was asked', async () => {
    const mover = await newMover(stage)
    const seen = new Set<string>()
    const send = faulty((called, n, ask) => {
      if (n > 1) return undefined
      seen.add(called)
      return ask().then(async (answer) => {
        await answer.arrayBuffer()
        throw new TypeError('fetch failed')
      })
    })
    const runs = await finish(stage, mover, { store: memoryStore(), fetch: send }, 40)
    expect([...seen]).toContain('com.atproto.server.activateAccount')
    await note('the answer is lost', `of each of ${seen.size} methods`, mover, runs)
  })

  it('brings 500 and 429 to every method once', async () => {
    for (const status of [500, 429, 503]) {
      const mover = await newMover(stage)
      const send = faulty((_, n) =>
        n > 1
          ? undefined
          : Promise.resolve(
              Response.json(
                { error: 'Unlucky', message: 'try again' },
                { status, headers: { 'retry-after': '1' } },
              ),
            ),
      )
      const runs = await finish(stage, mover, { store: memoryStore(), fetch: send }, 40)
      await note(`${status}`, 'once for each method', mover, runs)
    }
  })
})

describe('sessions', () => {
  it('expire at each step', async () => {
    const mover = await newMover(stage)
    const seen = new Set<string>()
    const send = faulty((called, n) => {
      if (n > 1 || /createSession|refreshSession|describeServer|createAccount|^did:|log\/audit/.test(called))
        return undefined
      seen.add(called)
      return Promise.resolve(
        Response.json({ error: 'ExpiredToken', message: 'Token has expired' }, { status: 400 }),
      )
    })
    const runs = await finish(stage, mover, { store: memoryStore(), fetch: send }, 10)
    expect(seen.size).toBeGreaterThan(8)
    await note('the session expires', `at each of ${seen.size} methods`, mover, runs)
  })
})

describe('the directory', () => {
  it.each([
    ['is down', { status: 503 }],
    ['closes the connection', { status: 0 }],
    ['loses the answer of the submit', { status: 500, only: (method: string) => method === 'POST' }],
  ])('%s for a while', async (what, outage) => {
    const mover = await newMover(stage)
    const store = memoryStore()
    stage.plc.fail(outage)
    try {
      await expect(runMover(stage, mover, { store })).rejects.toThrow()
    } finally {
      stage.plc.recover()
    }
    await note(
      `the directory ${what}`,
      'from the beginning',
      mover,
      (await finish(stage, mover, { store })) + 1,
    )
  })

  it('is slow', async () => {
    const mover = await newMover(stage)
    stage.plc.fail({ delayMs: 400 })
    try {
      await note(
        'the directory is slow',
        '400 ms',
        mover,
        await finish(stage, mover, { store: memoryStore() }),
      )
    } finally {
      stage.plc.recover()
    }
  })

  it('is down from the signature on', async () => {
    const mover = await newMover(stage)
    const store = memoryStore()
    const appendLine = async (line: string) => {
      await store.appendLine(line)
      if (nameOf(line) === 'signed') stage.plc.fail({ status: 503 })
    }
    await expect(runMover(stage, mover, { store: { ...store, appendLine } })).rejects.toThrow()
    stage.plc.recover()
    await note(
      'the directory is down',
      'after the signature',
      mover,
      (await finish(stage, mover, { store })) + 1,
    )
  })

  it('gets another operation between the signature and the submit', async () => {
    const mover = await newMover(stage)
    const { did, agent } = mover.account
    const store = memoryStore()
    const appendLine = async (line: string) => {
      await store.appendLine(line)
      if (nameOf(line) !== 'signed') return
      // The owner changes the DID somewhere else, just now.
      await agent.com.atproto.identity.requestPlcOperationSignature()
      const { data } = await agent.com.atproto.identity.signPlcOperation({
        token: await stage.source.plcToken(did),
        alsoKnownAs: [`at://${mover.account.handle}`, 'https://elsewhere.example.com'],
      })
      const sent = await fetch(`${stage.plc.url}/${did}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(data.operation),
      })
      expect(sent.status).toBe(200)
    }
    await expect(runMover(stage, mover, { store: { ...store, appendLine } })).rejects.toThrow()
    const runs = await finish(stage, mover, { store })
    await note('another operation', 'between signature and submit', mover, runs + 1)
    const identity = await (await fetch(`${stage.plc.url}/${did}/data`)).json()
    expect(identity).toMatchObject({ alsoKnownAs: [expect.anything(), 'https://elsewhere.example.com'] })
  })
})

describe('the machine', () => {
  it('has a full disk, for the journal and for the repository', async () => {
    const full = () =>
      Promise.reject(Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }))
    for (const what of ['writeFile', 'appendLine'] as const) {
      const mover = await newMover(stage)
      const store = memoryStore()
      await expect(runMover(stage, mover, { store: { ...store, [what]: full } })).rejects.toThrow()
      const runs = await finish(stage, mover, { store })
      await note(
        'the disk is full',
        what === 'writeFile' ? 'for the repository' : 'for the journal',
        mover,
        runs + 1,
      )
    }
  })

  it('runs two movers at once, of which the second has to ask', async () => {
    const mover = await newMover(stage)
    const store = memoryStore()
    const asked: string[] = []
    let second: Promise<unknown> | undefined
    const runs = await finish(stage, mover, {
      store,
      answers: {
        async newPassword() {
          second ??= runMover(stage, mover, {
            store: { ...store },
            answers: {
              confirm: ({ topic }) => {
                asked.push(topic)
                return false
              },
            },
          })
          await expect(second).rejects.toMatchObject({ code: 'another-mover' })
          return NEW_PASSWORD
        },
      },
    })
    expect(asked).toEqual(['takeOver'])
    await note('two movers at once', 'the second declines', mover, runs)
  })

  it('runs two movers on two machines at once, which share no journal', async () => {
    const mover = await newMover(stage, { records: 12, blobs: 6 })
    // Two createAccounts at once make the reference delete the repository of one of them: that is for its operator to mend.
    await runMover(stage, mover, { store: memoryStore(), options: { until: 'account' } })
    const both = await Promise.allSettled([
      runMover(stage, mover, { store: memoryStore() }),
      runMover(stage, mover, { store: memoryStore() }),
    ])
    const failed = both.filter(({ status }) => status === 'rejected').length
    const runs = failed === 0 ? 0 : await finish(stage, mover, { store: memoryStore() })
    await note('two movers at once', 'on two machines', mover, runs + 2)
  })
})

describe('the servers', () => {
  it('restart, both, at every step', async () => {
    const mover = await newMover(stage)
    const store = memoryStore()
    const restarted = new Set<string>()
    const appendLine = async (line: string) => {
      await store.appendLine(line)
      const name = nameOf(line)
      if (!name.endsWith('begun') || restarted.has(name)) return
      restarted.add(name)
      await Promise.all([stage.source.restart(), stage.target.restart()])
    }
    const runs = await finish(stage, mover, { store: { ...store, appendLine } }, 30)
    expect(restarted.size).toBeGreaterThan(8)
    await note('both servers restart', `at each of ${restarted.size} steps`, mover, runs)
  }, 300_000)
})
