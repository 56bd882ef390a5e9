import { html } from 'hono/html'
import { nav } from '../account/nav.ts'
import { visible } from '../parts/claimed.ts'
import { layout, type Markup } from '../parts/layout.ts'
import { when } from '../parts/when.ts'
import { withCode } from '../parts/withCode.ts'
import type { Site, Visit } from '../visit.ts'
import { arriving } from './arriving.ts'
import { copyPlot } from './copyPlot.ts'
import { isUnderWay, moveSeen, type MoveSeen } from './moveSeen.ts'
import { preflight } from './preflight.ts'

/** Entries of the journal in which a move is looked for. */
const ENTRIES = 500
const MAX_TOKENS = 10
const PATH = '/account/leaving'
const REFRESH_S = 5

/** A step: when it was done; true where it was done and it is not known when; undefined where it was not. */
const step = (visit: Visit, name: string, doneAt: number | true | undefined, open?: string): Markup => {
  const { leaving } = visit.text
  return html`<li class="${doneAt === undefined ? '' : 'done'}">
    ${name}
    <span class="soft small">
      ${doneAt === undefined ? (open ?? leaving.open) : leaving.done}${
        typeof doneAt === 'number' ? html`, ${when(visit, doneAt)}` : ''
      }
    </span>
  </li>`
}

const steps = (site: Site, visit: Visit, move: MoveSeen): Markup => {
  const { step: names, unseen } = visit.text.leaving
  const points = site.account.copies.points()
  const first = (key: 'records' | 'blobs'): number | undefined => points.find((point) => point[key] > 0)?.at
  return html`<ol class="steps">
    ${step(visit, names.minted, move.tokens[0]?.mintedAt)}
    ${step(visit, names.exported, first('records'), unseen)}
    ${step(visit, names.blobs, first('blobs'), unseen)} ${step(visit, names.signed, move.signedAt)}
    ${step(visit, names.deactivated, move.deactivatedAt)} ${step(visit, names.moved, move.movedAt)}
    ${step(visit, names.verified, move.verifiedAt)}
  </ol>`
}

const tokens = (visit: Visit, move: MoveSeen): Markup => {
  const { leaving: text } = visit.text
  if (move.tokens.length === 0) return html`<p class="soft">${text.noTokens}</p>`
  return html`<ul>
    ${move.tokens
      .slice(0, MAX_TOKENS)
      .map(
        ({ target, mintedAt, expiresAt, isRevoked }) =>
          html`<li>
            ${when(visit, mintedAt)}
            ${target === undefined ? text.anywhere : text.tokenFor(visible(target, 200))},
            ${isRevoked ? text.revoked : html`${text.validUntil} ${when(visit, expiresAt)}`}
          </li>`,
      )}
  </ul>`
}

/** That the page renews itself, and how to stop it: a person who reads slowly must not lose their place. */
const renewing = ({ text: { leaving } }: Visit, refreshes: boolean): Markup =>
  html`<div class="note">
    <p>
      ${
        refreshes
          ? html`${leaving.underWay(REFRESH_S)} <a href="${PATH}?still=yes">${leaving.hold}</a>`
          : html`<a href="${PATH}">${leaving.goOn}</a>`
      }
    </p>
  </div>`

/** A move as it happens: what the journal has of it, and what was copied. Without script, it renews itself. */
export const leavingPage = async (site: Site, visit: Visit): Promise<Response> => {
  const { leaving: text } = visit.text
  const { account } = site
  const now = account.platform.now()
  const move = moveSeen(account.journal.page({ limit: ENTRIES }).entries)
  const points = account.copies.points()
  const isMovingIn = account.imports.progress !== undefined
  const underWay = isMovingIn || isUnderWay(move, points.at(-1)?.at, now)
  const asked = visit.url.searchParams.has('check')
  // The check reads a part of the repository: not every few seconds.
  const check = asked || !underWay ? await preflight(site, visit) : undefined
  const refreshes = underWay && !asked && !visit.url.searchParams.has('still')
  return layout(site, visit, {
    title: text.title,
    width: 'wide',
    nav: nav(visit, 'leaving'),
    ...(refreshes && { refreshS: REFRESH_S }),
    body: html`${underWay ? renewing(visit, refreshes) : html`<p>${withCode(text.intro)}</p>`}
      ${arriving(site, visit)}
      <section class="card">
        <h2>${text.steps}</h2>
        ${steps(site, visit, move)}
      </section>
      <section class="card">
        <h2>${text.copied}</h2>
        ${copyPlot(visit, points, { records: account.counts().records, blobs: account.blobs.counts().expected })}
      </section>
      <section class="card">
        <h2>${text.tokens}</h2>
        ${tokens(visit, move)}
      </section>
      <section class="card">
        <h2>${text.check}</h2>
        <p class="soft small">${withCode(text.checkText)}</p>
        ${check ?? html`<p><a class="button" href="${PATH}?check=yes">${text.checkNow}</a></p>`}
      </section>`,
  })
}
