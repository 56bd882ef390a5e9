// The client of Cirrus and of any AT Protocol PDS: no dependencies, one `fetch`, streams both ways.
// Runs in browsers, Node and Workers.
export { type Client, connect, type ConnectOptions, type Namespaces } from './connect.ts'
export type { Session } from './credential.ts'
export { type LocalError, type Settled, settle, XrpcError } from './errors.ts'
export type { Binary, BlobRef, Bytes, CID } from './json.ts'
export { pages } from './pages.ts'
export type { Answer, Call, Download, Fetch, MethodId, Options, Output, Upload } from './types.ts'
export type { StandardError } from '../standardErrors.ts'
export type { Methods } from '../generated/client/methods.ts'
