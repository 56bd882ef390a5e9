import { createHash } from 'node:crypto'

/** What is stored of a secret, and compared: its SHA-256, base64url. */
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url')
