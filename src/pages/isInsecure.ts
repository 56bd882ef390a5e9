import type { Config } from '../config.ts'

/** Plain http, which there is in development only: cookies that are `Secure` would not come back. */
export const isInsecure = ({ dev, origin }: Pick<Config, 'dev' | 'origin'>): boolean =>
  dev && origin.startsWith('http:')
