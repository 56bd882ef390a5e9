import type { RepoPermission } from '@atproto/oauth-scopes'
import type { RepoAction } from '../../account/oauth/scopes/types.ts'
import type { Lines } from './lines.ts'
import type { Phrases } from './phrases.ts'

const ACTIONS: readonly RepoAction[] = ['create', 'update', 'delete']

/** Which actions each collection is open to. What is open in every collection is not named again. */
const actionsByCollection = (permissions: readonly RepoPermission[]): Map<string, RepoAction[]> => {
  const open = new Map<string, Set<RepoAction>>()
  for (const { collection, action } of permissions)
    for (const name of collection) open.set(name, new Set([...(open.get(name) ?? []), ...action]))
  const everywhere = open.get('*')
  const named = [...open].map(([name, actions]) => {
    const isNamed = (action: RepoAction) => actions.has(action) && (name === '*' || !everywhere?.has(action))
    return [name, ACTIONS.filter(isNamed)] as const
  })
  return new Map(named.filter(([, actions]) => actions.length > 0))
}

/** What may be written: the collections that are open to the same actions in one line. */
export const describeRepo = (
  lines: Lines,
  { words, list }: Phrases,
  permissions: readonly RepoPermission[],
): void => {
  const known = ['*', ...Object.keys(words.collections)]
  const placeOf = (name: string): number => (known.includes(name) ? known.indexOf(name) : known.length)
  const byActions = new Map<string, { actions: RepoAction[]; things: string[] }>()
  const collections = [...actionsByCollection(permissions)].toSorted(([a], [b]) => placeOf(a) - placeOf(b))
  for (const [name, actions] of collections) {
    const key = name === '*' ? name : actions.join()
    const line = byActions.get(key) ?? { actions, things: [] }
    line.things.push(name === '*' ? words.everything : (words.collections[name] ?? name))
    byActions.set(key, line)
  }
  for (const { actions, things } of byActions.values())
    lines.add('write', words.write(list(actions.map((action) => words.actions[action])), list(things)))
}
