import { Cpu } from '../cpu.ts'
import { call, type Answer } from '../http.ts'
import { alternate, quantile } from '../measure.ts'
import { createApp, type App, type Tokens } from '../oauth/app.ts'
import { mapValues, rowOf, type RowHead, type Stand } from '../row.ts'
import { type Kind, type Server, startServer } from '../servers.ts'
import { type Service, startService } from '../service.ts'
import { expect } from '../verify.ts'

interface OAuth extends Pick<Stand, 'add' | 'progress'> {
  readonly plcUrl: string
  readonly kinds: readonly Kind[]
}

/** An app that is signed in to each server. */
interface OAuthStand extends Pick<Stand, 'add' | 'progress' | 'servers'> {
  readonly apps: ReadonlyMap<Server, App>
}

const name = 'oauth'
const ROUNDS = 7
/** In a round: few exchanges, because the owner signs in for each. */
const EXCHANGES = 2
const REFRESHES = 20
const REQUESTS = 200
/** A method that both servers answer themselves, from what they store. */
const METHOD = 'app.bsky.actor.getPreferences'

const row = (measure: string, unit: string): RowHead => ({ name, measure, unit, better: 'lower' })

/** Tokens, and what a request costs that brings one with a proof beside one that brings a session's. */
export const oauth = async ({ plcUrl, kinds, add, progress }: OAuth): Promise<void> => {
  await using service: Service = await startService()
  const servers: Server[] = []
  try {
    for (const kind of kinds) servers.push(await startServer(kind, plcUrl, { appView: service }))
    const stand = { servers, apps: new Map(servers.map((it) => [it, createApp(it)])), add, progress }
    await exchange(stand)
    await refresh(stand)
    await requests(stand)
  } finally {
    for (const server of servers) await server.close()
  }
}

const appOf = ({ apps }: OAuthStand, server: Server): App => {
  const app = apps.get(server)
  if (!app) throw new Error(`${server.kind} has no app`)
  return app
}

const signIn = async (stand: OAuthStand, server: Server): Promise<Tokens> => {
  const app = appOf(stand, server)
  return (await app.exchange(await app.authorize())).tokens
}

interface Granted {
  readonly ms: number
  readonly rows: number
}

/** The median of each round, and the rows, which only Cirrus counts. */
const addGranted = (stand: OAuthStand, of: string, runs: ReadonlyMap<Server, Granted[][]>): void => {
  stand.add(
    rowOf(
      row(`${of}, p50`, 'ms'),
      mapValues(runs, (all) =>
        quantile(
          all.map(({ ms }) => ms),
          0.5,
        ),
      ),
    ),
  )
  const counted = new Map([...runs].filter(([{ kind }]) => kind === 'cirrus'))
  stand.add(
    rowOf(
      row(`rows written by ${of}`, 'rows'),
      mapValues(counted, (all) => Math.max(...all.map(({ rows }) => rows))),
    ),
  )
}

const exchange = async (stand: OAuthStand): Promise<void> => {
  const runs = await alternate(stand.servers, ROUNDS, async (server, round) => {
    stand.progress(`${server.kind}: codes exchanged, ${round + 1} of ${ROUNDS}`)
    // The owner signs in more often than the server lets a stranger try.
    await server.forgetLimits()
    const app = appOf(stand, server)
    const all: Granted[] = []
    for (let n = 0; n < EXCHANGES; n++) all.push(await app.exchange(await app.authorize()))
    return all
  })
  addGranted(stand, 'a code’s exchange', runs)
}

const refresh = async (stand: OAuthStand): Promise<void> => {
  const held = new Map<Server, Tokens>()
  for (const server of stand.servers) held.set(server, await signIn(stand, server))
  const runs = await alternate(stand.servers, ROUNDS, async (server, round) => {
    stand.progress(`${server.kind}: refreshes, ${round + 1} of ${ROUNDS}`)
    const app = appOf(stand, server)
    const all: Granted[] = []
    for (let n = 0; n < REFRESHES; n++) {
      const tokens = held.get(server)
      if (!tokens) throw new Error(`${server.kind} has no tokens`)
      const granted = await app.refresh(tokens)
      held.set(server, granted.tokens)
      all.push(granted)
    }
    return all
  })
  addGranted(stand, 'a refresh', runs)
}

/** Requests in turns, one by each credential: the same method, the same answer. */
const requests = async (stand: OAuthStand): Promise<void> => {
  const { servers, add, progress } = stand
  const tokens = new Map<Server, Tokens>()
  for (const server of servers) tokens.set(server, await signIn(stand, server))
  const cpu = { bearer: new Cpu(), proof: new Cpu() }
  const check = (server: Server, { body, total }: Answer): number => {
    expect(server, 'preferences', body.toString(), '{"preferences":[]}')
    return total
  }
  const runs = await alternate(servers, ROUNDS, async (server, round) => {
    progress(`${server.kind}: requests by either credential, ${round + 1} of ${ROUNDS}`)
    const held = tokens.get(server)
    if (!held) throw new Error(`${server.kind} has no tokens`)
    const send = await appOf(stand, server).prepare(
      held,
      METHOD,
      Array.from({ length: 2 * REQUESTS }, () => ({})),
    )
    const bearer: number[] = []
    const proof: number[] = []
    const written = async () => (await server.sql?.())?.written ?? Number.NaN
    const before = await written()
    const byBearer = async () => check(server, await call(server.url, METHOD, { token: server.token }))
    for (const dpop of send.slice(0, REQUESTS)) {
      bearer.push(await byBearer())
      proof.push(check(server, await dpop()))
    }
    await cpu.bearer.watch(server, REQUESTS, async () => {
      for (let n = 0; n < REQUESTS; n++) await byBearer()
    })
    await cpu.proof.watch(server, REQUESTS, async () => {
      for (const dpop of send.slice(REQUESTS)) check(server, await dpop())
    })
    const rows = ((await written()) - before) / (2 * REQUESTS)
    return { bearer: quantile(bearer, 0.5), proof: quantile(proof, 0.5), rows }
  })
  add(
    rowOf(
      row('getPreferences by a session, p50', 'ms'),
      mapValues(runs, ({ bearer }) => bearer),
    ),
  )
  add(
    rowOf(
      row('getPreferences by OAuth, p50', 'ms'),
      mapValues(runs, ({ proof }) => proof),
    ),
  )
  add(
    rowOf(
      row('OAuth beyond a session, p50', 'ms'),
      mapValues(runs, ({ bearer, proof }) => proof - bearer),
    ),
  )
  const byOAuth = cpu.proof.perUnit()
  add(
    rowOf(
      row('OAuth beyond a session, processor time', 'ms'),
      new Map(
        [...cpu.bearer.perUnit()].map(([server, [bearer = 0]]) => [
          server,
          [(byOAuth.get(server)?.[0] ?? Number.NaN) - bearer],
        ]),
      ),
    ),
  )
  const counted = new Map([...runs].filter(([{ kind }]) => kind === 'cirrus'))
  add(
    rowOf(
      row('rows written by a request by OAuth', 'rows'),
      mapValues(counted, ({ rows }) => rows),
    ),
  )
}
