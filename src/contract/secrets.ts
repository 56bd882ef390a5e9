/** Keeps secrets out of what is reported. */
export interface Secrets {
  hide(secret: string): void
  redact(text: string): string
}

/** Three parts of base64url, as tokens have. */
const JWT = /\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*/g
/** Shorter ones would hide words that are not secrets. */
const MIN_SECRET_LENGTH = 4

export function createSecrets(known: readonly (string | undefined)[]): Secrets {
  const secrets = new Set<string>()
  const hide = (secret: string): void => {
    if (secret.length < MIN_SECRET_LENGTH) return
    secrets.add(secret)
    // As JSON, and as the credential of the admin.
    secrets.add(JSON.stringify(secret).slice(1, -1))
    secrets.add(btoa(String.fromCharCode(...new TextEncoder().encode(`admin:${secret}`))))
  }
  for (const secret of known) if (secret !== undefined) hide(secret)
  return {
    hide,
    redact(text) {
      let shown = text
      for (const secret of secrets) shown = shown.replaceAll(secret, '[secret]')
      return shown.replaceAll(JWT, '[token]')
    },
  }
}
