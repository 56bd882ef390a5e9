import { html } from 'hono/html'
import type { Markup } from './layout.ts'

/** What went wrong, read out at once; nothing where nothing did. */
export const problemNote = (problem: Markup | string | undefined): Markup | '' =>
  problem === undefined ? '' : html`<div class="note bad" role="alert"><p>${problem}</p></div>`
