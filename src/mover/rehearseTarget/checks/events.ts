import type { RepoEvent } from '../../../client/subscribe.ts'
import { SOURCES, type Rehearsal, type TargetCheck } from '../types.ts'

type Kind = 'account' | 'commit' | 'identity' | 'sync'

export const isKind = (event: RepoEvent, kind: Kind): boolean =>
  event.$type === `com.atproto.sync.subscribeRepos#${kind}`

/** An event is there within seconds of what it tells. */
const EVENT_TIMEOUT_MS = 10_000
const POLL_MS = 100

/** Whether an event comes, now or soon. */
export const comes = async (
  { deps, events, eventsProblem }: Rehearsal,
  isIt: (event: RepoEvent) => boolean,
): Promise<boolean> => {
  for (let waited = 0; ; waited += POLL_MS) {
    if (events.some(isIt)) return true
    if (waited >= EVENT_TIMEOUT_MS || eventsProblem() !== undefined) return false
    await deps.wait(POLL_MS, deps.signal)
  }
}

const event = (
  id: string,
  expected: string,
  needs: readonly string[],
  isIt: (event: RepoEvent, rehearsal: Rehearsal) => boolean,
  level: TargetCheck['level'] = 'must',
): TargetCheck => ({
  id: `events.${id}`,
  level,
  expected,
  source: SOURCES.sync,
  needs: ['events', ...needs],
  async run(rehearsal) {
    if (await comes(rehearsal, (found) => isIt(found, rehearsal))) return undefined
    const { events } = rehearsal
    const types = events.map(({ $type }) => $type.split('#')[1]).join(', ')
    return rehearsal.eventsProblem() ?? `it did not come; there were ${types || 'no events'} of the account`
  },
})

/** While the account is inactive. */
export const quietCheck: TargetCheck = {
  id: 'events.quiet',
  level: 'must',
  expected: 'subscribeRepos tells nothing of the repository of an account that was never active',
  source: SOURCES.sync,
  needs: ['importRepo'],
  run: async (rehearsal) => {
    const told = rehearsal.events.filter((found) => isKind(found, 'commit') || isKind(found, 'sync'))
    const active = rehearsal.events.filter(
      (found) => isKind(found, 'account') && Object(found).active === true,
    )
    if (told.length > 0) return `there were ${told.length} #commit or #sync`
    return active.length > 0 ? 'it said that the account is active' : undefined
  },
}

/** Once the account is active. */
export const eventChecks: readonly TargetCheck[] = [
  {
    id: 'events',
    level: 'must',
    expected: 'subscribeRepos can be followed, and its numbers grow',
    source: SOURCES.eventStream,
    needs: ['activateAccount'],
    async run(rehearsal) {
      const { events, eventsProblem } = rehearsal
      await comes(rehearsal, () => true)
      const problem = eventsProblem()
      if (problem !== undefined) return problem
      if (events.length === 0) return 'no event of the account came'
      const at = events.findIndex((found, n) => n > 0 && found.seq <= (events[n - 1]?.seq ?? 0))
      return at < 0 ? undefined : `after ${events[at - 1]?.seq} came ${events[at]?.seq}`
    },
  },
  event(
    'active',
    'an #account event says that the account is active',
    [],
    (found) => isKind(found, 'account') && Object(found).active === true,
  ),
  event(
    'identity',
    'an #identity event says that the DID has to be looked up again',
    [],
    (found) => isKind(found, 'identity'),
    'should',
  ),
  event(
    'repository',
    'a #sync or #commit event names the revision that is served',
    ['repository.rev'],
    (found, { rev }) => (isKind(found, 'sync') || isKind(found, 'commit')) && Object(found).rev === rev,
    'should',
  ),
]

/** After the first write. */
export const commitCheck: TargetCheck = event(
  'commit',
  'a #commit event tells of the new record',
  ['write'],
  (found, { rev }) => isKind(found, 'commit') && Object(found).rev === rev,
)
