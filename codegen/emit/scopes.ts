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

/** Which scope a grant needs for which of the methods that are served here. */
export const emitScopes = (policy: Record<string, Rule>): string => {
  const rows = Object.entries(NEEDS).map(([need, words]) => {
    const methods = Object.entries(policy).filter(([, { grant }]) => grant === need)
    return `| ${words} | ${methods.map(([id]) => `\`${id}\``).join(', ')} |`
  })
  return ['| scope | methods |', '|---|---|', ...rows].join('\n')
}

const MARKERS = /(<!-- scopes -->\n)[^]*?(<!-- \/scopes -->)/

/** A text with the list between its markers. A text without them is returned unchanged. */
export const embedScopes = (text: string, list: string): string =>
  text.replace(MARKERS, (_, begin: string, end: string) => `${begin}${list}\n${end}`)
