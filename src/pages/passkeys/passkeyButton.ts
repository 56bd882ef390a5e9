import { html } from 'hono/html'
import { ASSETS } from '../../generated/assets.ts'
import type { Markup } from '../parts/layout.ts'
import type { Visit } from '../visit.ts'
import { passkeyTexts } from './passkeyTexts.ts'

/**
 * The part of a form that asks the browser for a passkey: the script shows the button, and sends the form with the answer in
 * the field `passkey`. The page's policy must let the script run (`script: true`).
 */
export const passkeyButton = (
  visit: Visit,
  options: { kind: 'create' | 'get'; options: object; label: string },
): Markup => {
  const text = passkeyTexts(visit)
  return html`<input type="hidden" name="passkey" />
    <div hidden data-passkey="${options.kind}" data-options="${JSON.stringify(options.options)}">
      <p class="buttons"><button type="button" class="main">${options.label}</button></p>
      <p class="soft" role="alert" data-failed="${text.failed}" data-known="${text.known}"></p>
    </div>
    <noscript><p class="soft">${text.needsScript}</p></noscript>
    ${passkeyScript}`
}

export const passkeyScript = html`<script src="${ASSETS.passkeys.path}" defer></script>`

/** The answer that a form was sent with; undefined where there is none. What is not JSON is an answer that is wrong. */
export const sentAnswer = ({ form }: Visit): unknown => {
  const text = form.get('passkey')
  if (!text) return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
