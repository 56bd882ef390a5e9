import { html } from 'hono/html'
import type { Visit } from '../visit.ts'
import type { Markup } from './layout.ts'

/** The field for the name of what is made here, with what was sent the last time. */
export const nameField = ({ form }: Visit, label: string): Markup =>
  html`<div class="field">
    <label for="name">${label}</label>
    <input id="name" name="name" maxlength="100" value="${form.get('name') ?? ''}" required autofocus />
  </div>`
