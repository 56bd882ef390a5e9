import { html } from 'hono/html'
import { XrpcError } from '../../xrpc/errors.ts'
import type { Markup } from '../parts/layout.ts'
import { visible } from '../parts/claimed.ts'
import { count } from '../parts/when.ts'
import { withCode } from '../parts/withCode.ts'
import type { Site, Visit } from '../visit.ts'

const ORDER = ['fail', 'warn', 'pass']

/** What this server knows of whether the account can leave safely, with what stops it first. */
export const preflight = async ({ account }: Site, visit: Visit): Promise<Markup> => {
  const { leaving: text } = visit.text
  try {
    const { checks, cursor, verified } = await account.checkMigration({ blobs: 'sample' })
    const sorted = checks.toSorted((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level))
    return html`<ul class="items">
        ${sorted.map(
          ({ level, seen, mend }) =>
            html`<li class="${level}">
              <span class="level">${text.levels[level] ?? level}:</span>
              <span lang="en">${withCode(visible(seen, 500))}</span>
              ${mend !== undefined && html`<p class="small">${text.mend} <span lang="en">${withCode(visible(mend, 500))}</span></p>`}
            </li>`,
        )}
      </ul>
      ${cursor !== undefined && html`<p class="soft small">${withCode(text.checkPart(count(visit, verified.records)))}</p>`}`
  } catch (cause) {
    if (cause instanceof XrpcError && cause.error === 'RepoNotFound')
      return html`<p class="soft">${text.noRepository}</p>`
    throw cause
  }
}
