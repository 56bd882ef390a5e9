import { isDeepStrictEqual } from 'node:util'
import { AREAS } from '../../../src/contract/areas.ts'
import { METHOD_AREAS } from '../../../src/contract/areas/methods/methodAreas.ts'
import { createAsking, type Asking } from '../../../src/contract/ask.ts'
import { discover, type Known } from '../../../src/contract/discover.ts'
import type { Area, Report } from '../../../src/contract/types.ts'
import { codeOf, CREDENTIALS, ORIGIN } from '../deployed.ts'
import type { Planted } from '../repository/spoil.ts'
import { OWNER, type Fault, type World } from '../repository/world.ts'

const SUBSCRIBE = 'com.atproto.sync.subscribeRepos'

type Flaw = Pick<Planted, 'fault' | 'frames'>

/** How the suite asks. */
export interface RunOptions {
  /** Ask again what the fault cannot change, too. */
  readonly everything?: boolean
  /** Without a credential, as anyone can, and not as the owner and the admin, who may write. */
  readonly asStranger?: boolean
}

/** The methods that each area asks. */
type Asked = ReadonlyMap<string, ReadonlySet<string>>

const run = (
  world: World,
  areas: readonly Area[],
  { fault, frames }: Flaw,
  { asStranger = false }: RunOptions = {},
  onArea?: (name: string) => void,
): Promise<Report> =>
  world.run(areas, fault, {
    ...(asStranger
      ? {}
      : { ...OWNER, adminPassword: CREDENTIALS.admin, mailedCode: () => codeOf(world.deployed) }),
    only: () => true,
    frames,
    onProgress: ({ area }) => onArea?.(area),
  })

/** The methods whose answers a fault may change. Undefined: any. */
export const methodsOf = ({ fault }: Flaw): readonly string[] | undefined => (fault ? fault.at : [SUBSCRIBE])

/** The same area, which tells what it asks, also where the answer to an earlier request will do. */
const watched = (area: Area, note: (id: string) => void): Area => {
  const noting =
    (ask: Asking): Asking =>
    (id, what) => {
      note(what?.path ?? id)
      return ask(id, what)
    }
  return {
    ...area,
    check: (given) =>
      area.check({
        ...given,
        ask: noting(given.ask),
        expect: (rule, place, check) => given.expect(rule, place, (ask) => check(noting(ask))),
      }),
  }
}

/** The whole suite on the real Worker without a fault, at every level. */
export async function runUnspoiled(
  world: World,
  options: RunOptions = {},
): Promise<{ report: Report; asked: Asked }> {
  const asked = new Map<string, Set<string>>()
  let current = ''
  const note = (id: string): void => void asked.set(current, (asked.get(current) ?? new Set()).add(id))
  // Sockets, and what an area asks in other ways.
  const fault: Fault = ({ id }, answer) => {
    note(id)
    return answer()
  }
  const areas = AREAS.map((area) => watched(area, note))
  const report = await run(world, areas, { fault }, options, (area) => {
    current = area
  })
  return { report, asked }
}

/** What a run finds out first, and makes all its requests from, without a fault. */
async function lookAround({ deployed }: World): Promise<Known> {
  const send = (request: Request): Promise<Response> => deployed.fetch(request)
  const ask = createAsking({ origin: ORIGIN, send, redact: (text) => text, userAgent: 'test' })
  return (await discover(ask, deployed.did)).known
}

/** Areas that ask each method by itself. */
const ONE_BY_ONE = METHOD_AREAS.filter(({ name }) => !['served', 'unknown', 'calls'].includes(name))

/**
 * The whole suite on the real Worker with a fault. A fault changes nothing but the answers of its methods, so that what is
 * asked of others would be found as it is without the fault, and is not asked again: areas that ask none of its methods
 * are left out, and where each method is asked by itself, the others. Everything is asked where the run finds out
 * something else to begin with, and with `everything`.
 */
export async function runFault(
  world: World,
  asked: Asked,
  flaw: Flaw,
  options: RunOptions = {},
): Promise<Report> {
  const at = methodsOf(flaw)
  if (at === undefined || options.everything) return run(world, AREAS, flaw, options)
  const known = await lookAround(world)
  let isOther = false
  const limited = (area: Area): Area => ({
    ...area,
    check: async (given) => {
      const session = await given.session()
      isOther ||= !isDeepStrictEqual(given.found.known, known)
      isOther ||= session !== undefined && session.did !== known.did
      const serves = (id: string): boolean => at.includes(id) && given.serves(id)
      if (!isOther) await area.check(ONE_BY_ONE.includes(area) ? { ...given, serves } : given)
    },
  })
  const asks = ({ name }: Area): boolean =>
    name === 'served' || at.some((id) => asked.get(name)?.has(id) ?? false)
  const report = await run(world, AREAS.filter(asks).map(limited), flaw, options)
  return isOther ? run(world, AREAS, flaw, options) : report
}
