import type { SocketBuffer } from './socketBuffer.ts'
import type { SocketHolder } from './subscriberLimits.ts'

/** `WebSocket.readyState`. */
export const OPEN = 1
export const CLOSED = 3

/** What a socket remembers while the object hibernates. */
export interface Attachment extends SocketHolder {
  /** The last event that was sent. */
  cursor: number
  /** How many messages it has sent. */
  messages: number
}

/** A subscriber of the firehose: its socket, what is kept in the socket's attachment, and what waits to leave. */
export interface Subscriber extends Attachment {
  readonly socket: WebSocket
  readonly buffer: SocketBuffer
}

/** The attachment of a socket, of which anything may be missing: an older version of this program may have made it. */
export const readAttachment = (socket: WebSocket): Partial<Attachment> => {
  const attachment: Partial<Attachment> | null = socket.deserializeAttachment()
  return attachment ?? {}
}

/** Keeps what a subscriber's socket must remember while the object hibernates. */
export const saveAttachment = ({ socket, cursor, network, since, messages }: Subscriber): void =>
  socket.serializeAttachment({ cursor, network, since, messages } satisfies Attachment)
