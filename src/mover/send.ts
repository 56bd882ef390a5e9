import { type Outbound, outbound } from '../outbound.ts'
import type { MoverDeps } from './moverDeps.ts'

/** Requests to servers other than the two PDSes of the move: with limits of time and size, and to public names only. */
export const createSend = ({ fetch, dev }: Pick<MoverDeps, 'fetch' | 'dev'>): Outbound =>
  outbound(
    { fetch: (input, init) => fetch(input instanceof Request ? input.url : String(input), { ...init }) },
    { dev },
  )
