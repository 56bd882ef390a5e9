import { html } from 'hono/html'
import type { Markup } from './layout.ts'

/** A sentence whose commands, between backticks, are set as code. */
export const withCode = (sentence: string): Markup =>
  html`${sentence.split('`').map((part, n) => (n % 2 === 1 ? html`<code>${part}</code>` : part))}`
