import type { GrantNeed, Rule } from '../../src/policy.ts'

/** Each need in words, in the order of the list. */
const NEEDS: Readonly<Record<GrantNeed, string>> = {
  repo: '`repo:`, for each collection and action of the write',
  blob: '`blob:`, for the type of the upload',
  rpc: '`rpc:`, for this method at the AppView',
  serviceAuth: '`rpc:`, for the method and the service that the token is for',
  'identity:handle': '`identity:handle`',
  'identity:*': '`identity:*`',
  'account:status?action=manage': '`account:status?action=manage`',
  'account:repo?action=manage': '`account:repo?action=manage`',
  any: 'any grant',
  never: 'no grant',
}

const groupOf = (id: string): string => id.slice(0, id.lastIndexOf('.'))

/** A group of which all methods have the same need is named as a whole. */
const named = (ids: readonly string[], all: readonly string[]): string => {
  const groups = new Set(ids.map(groupOf))
  const lists = [...groups].map((group) => {
    const inGroup = (of: readonly string[]) => of.filter((id) => groupOf(id) === group)
    const mine = inGroup(ids)
    return mine.length > 3 && mine.length === inGroup(all).length
      ? `all of \`${group}\``
      : mine.map((id) => `\`${id}\``).join(', ')
  })
  return lists.join(', ')
}

/** Which scope a grant needs for which of the methods that are served here. */
export const emitScopes = (policy: Record<string, Rule>): string => {
  const all = Object.keys(policy)
  const rows = Object.entries(NEEDS).map(([need, words]) => {
    const methods = all.filter((id) => policy[id]?.grant === need)
    return `| ${words} | ${named(methods, all)} |`
  })
  return ['| scope | methods |', '|---|---|', ...rows].join('\n')
}

const MARKERS = /(<!-- scopes -->\n)[^]*?(<!-- \/scopes -->)/

/** A text with the list between its markers. A text without them is returned unchanged. */
export const embedScopes = (text: string, list: string): string =>
  text.replace(MARKERS, (_, begin: string, end: string) => `${begin}${list}\n${end}`)
