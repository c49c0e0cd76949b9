interface OkResult<T> {
  ok: true;
  value: T;
  error?: undefined;
}
interface ErrResult<E, ErrorExtras = unknown> {
  ok: false;
  error: E;
  value?: undefined;
  errorExtras?: ErrorExtras;
}
interface RequestError {
  message: string;
  statusCode?: number;
}
type Many = { message: string };

declare class Client {
  /** @param dbUrl a Postgres URL; default: KV_DATABASE_URL, else DATABASE_URL */
  constructor(dbUrl?: string);
  get(key: string, options?: { raw: boolean }): Promise<OkResult<any> | ErrResult<RequestError>>;
  set(key: string, value: any): Promise<OkResult<this> | ErrResult<RequestError>>;
  delete(key: string): Promise<OkResult<this> | ErrResult<RequestError>>;
  list(prefix?: string): Promise<OkResult<string[]> | ErrResult<RequestError>>;
  empty(): Promise<ErrResult<RequestError> | OkResult<this> | ErrResult<Many, (RequestError | undefined)[]>>;
  getAll(options?: { raw: boolean }): Promise<ErrResult<RequestError> | OkResult<Record<string, string | null>>>;
  setMultiple(obj: Record<string, any>): Promise<OkResult<this> | ErrResult<Many, (RequestError | undefined)[]>>;
  deleteMultiple(...args: string[]): Promise<OkResult<this> | ErrResult<Many, (RequestError | undefined)[]>>;
}

export = Client;
