// Passkeys in a form: the button asks the browser, and its answer is sent with the form. Without it, the page says that
// passkeys need a script.

const toBytes = (text) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0))

const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

/** Options as the browser takes them, from their JSON form. */
const optionsOf = (json) => {
  const options = JSON.parse(json)
  const withBytes = (credential) => ({ ...credential, id: toBytes(credential.id) })
  return {
    ...options,
    challenge: toBytes(options.challenge),
    ...(options.user && { user: withBytes(options.user) }),
    ...(options.excludeCredentials && { excludeCredentials: options.excludeCredentials.map(withBytes) }),
  }
}

/** The answer in its JSON form. */
const answerOf = ({ id, type, response }) => {
  const members = ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']
  const sent = members.filter((name) => response[name]).map((name) => [name, toText(response[name])])
  return JSON.stringify({ id, rawId: id, type, response: Object.fromEntries(sent) })
}

const send = (form, credential) => {
  form.elements.passkey.value = answerOf(credential)
  form.submit()
}

/** The browser offers its passkeys in the fields that are marked for it, until something else is asked for. */
const offer = async (form, options, signal) => {
  if (!form.querySelector('[autocomplete~=webauthn]')) return
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return
  const asked = { publicKey: optionsOf(options), mediation: 'conditional', signal }
  const credential = await navigator.credentials.get(asked).catch(() => undefined)
  if (credential) send(form, credential)
}

const ask = async ({ button, failed, passkey, options }) => {
  const { form } = button
  if (passkey === 'create' && !form.reportValidity()) return
  button.disabled = true
  failed.textContent = ''
  try {
    const credential = await navigator.credentials[passkey]({ publicKey: optionsOf(options) })
    send(form, credential)
  } catch (cause) {
    failed.textContent = cause.name === 'InvalidStateError' ? failed.dataset.known : failed.dataset.failed
    button.disabled = false
  }
}

for (const part of document.querySelectorAll('[data-passkey]')) {
  if (!window.PublicKeyCredential) continue
  const [button, failed] = [part.querySelector('button'), part.querySelector('[role=alert]')]
  part.hidden = false
  const offered = new AbortController()
  button.addEventListener('click', () => {
    offered.abort()
    void ask({ button, failed, ...part.dataset })
  })
  if (part.dataset.passkey === 'get') void offer(button.form, part.dataset.options, offered.signal)
}

// A link has its secret behind the `#`, which no server is sent: it goes into the form, and out of the address.
const SECRET = /^#[0-9a-f]{32}$/
const link = document.querySelector('input[data-link]')
if (link && SECRET.test(location.hash)) {
  link.value = location.hash.slice(1)
  history.replaceState(null, '', location.pathname)
  link.form.submit()
}
// Another link that is opened while its page is there already changes what is behind the `#`, and loads nothing.
addEventListener('hashchange', () => {
  if (SECRET.test(location.hash)) location.replace(`${location.pathname}?next${location.hash}`)
})
