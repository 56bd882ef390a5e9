import type { Check } from '../check.ts'
import { done, type Move, type Step } from '../move.ts'
import { MoverError } from '../moverError.ts'
import { describeServer } from '../peers/describeServer.ts'
import { preflight as look } from '../preflight/preflight.ts'

/** What the move cannot get over. What else fails or is warned of is asked about when it is due: blobs that are lost. */
const STOPS = new Set([
  'identity',
  'signing-key',
  'rotation-key',
  'operations',
  'import',
  'key-change',
  'commit',
  'repository',
  'repository-size',
  'target',
  'clock',
])
/** A step of its own asks about these. */
const ASKED_LATER = new Set(['account', 'invite', 'handle'])

/** The domains under which the source gives its accounts handles; undefined if it does not say. */
const domainsOf = async (origin: string, { deps }: Move): Promise<readonly string[] | undefined> => {
  try {
    return (await describeServer(origin, deps)).availableUserDomains
  } catch (cause) {
    if (cause instanceof MoverError) return undefined
    throw cause
  }
}

const linesOf = (checks: readonly Check[]): string =>
  checks.map(({ id, seen, mend }) => `${id}: ${seen}${mend ? ` (${mend})` : ''}`).join('; ')

/** Everything that can be known beforehand. The repository is not fetched for it: the copy verifies it. */
const checkBefore = async (move: Move, origin: string): Promise<void> => {
  const { source, target, who, deps, options, emit } = move
  const { checks } = await look(deps, {
    who,
    source: {
      origin,
      client: source.client,
      answersOwner: source.kind === 'cirrus',
      namedKeys: await source.namedKeys(),
      domains: await domainsOf(origin, move),
    },
    target,
    ownerKeys: [...(options.ownerKeys ?? []), ...((await source.ownerKeys?.()) ?? [])],
    handle: options.handle,
    allBlobs: false,
  })
  const stops = checks.filter(({ id, level }) => level === 'fail' && STOPS.has(id))
  if (stops.length > 0) throw new MoverError('preflight-failed', linesOf(stops))
  for (const check of checks)
    if (check.level !== 'pass' && !ASKED_LATER.has(check.id))
      emit({ type: 'warning', step: 'preflight', code: check.id, text: linesOf([check]) })
}

/** What is looked at before anything is changed. */
export const preflight: Step = {
  name: 'preflight',
  title: 'Preflight',
  reversible: true,
  needs: ['who'],
  isDone: async () => undefined,
  async run(move) {
    const { source, target, facts } = move
    const status = await source.status()
    // Once the DID names the target, there is no way back to what would be mended.
    if (!facts.rotated && source.origin !== undefined) await checkBefore(move, source.origin)
    return done(
      `${source.name}${status ? (status.active ? ' is active' : ' is deactivated') : ' is a backup'}, ${target.origin} is ${target.serviceDid}`,
    )
  },
}
