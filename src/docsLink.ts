/** What an error message may link to. Each topic has an entry in docs/troubleshoot.md, which a test checks. */
export const TOPICS = [
  'token-malformed',
  'token-wrong-type',
  'token-wrong-alg',
  'token-bad-signature',
  'token-expired',
  'token-too-long',
  'token-from-future',
  'token-revoked',
  'token-wrong-issuer',
  'token-wrong-audience',
  'token-wrong-method',
  'token-bad-claims',
  'token-scope',
  'token-untargeted',
  'token-needed',
  'token-used',
  'token-head-moved',
  'session-ended',
  'wrong-credential',
  'account-password',
  'account-absent',
  'account-deactivated',
  'account-moved',
  'account-deleted',
  'repository-refused',
  'did-elsewhere',
  'handle-unresolved',
  'directory-unavailable',
  'rotation-key',
  'rotate-key',
  'rate-limit',
  'writes-fenced',
  'retention-locked',
] as const

export type Topic = (typeof TOPICS)[number]

/** Where an entry of docs/troubleshoot.md is: a topic of the server or an error code of the CLI. */
export const docsPath = (entry: string): string => `docs/troubleshoot.md#${entry}`

/** The sentence that ends an error message. */
export const docsLink = (topic: Topic): string => `See ${docsPath(topic)}`

/** A server's error message in two: the reason, and where the sentence that ends it links to. */
export const splitDocsLink = (message: string): { reason: string; docs: string | undefined } => {
  const [, reason = message, docs] =
    /^([^]*?)\.? See (docs\/troubleshoot\.md#[a-z-]+)\.?$/.exec(message) ?? []
  return { reason, docs }
}
