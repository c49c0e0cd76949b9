import { QueryClient, type QueryFunctionContext } from "@tanstack/react-query";

async function get({ queryKey }: QueryFunctionContext) {
  const response = await fetch(queryKey.join("/"), { credentials: "include" });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return response.json();
}

/** As the default, but null for a visitor who is not signed in. */
export async function getOrNull({ queryKey }: QueryFunctionContext) {
  const response = await fetch(queryKey.join("/"), { credentials: "include" });
  return response.ok ? response.json() : null;
}

export async function post(url: string, body: unknown) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    credentials: "include",
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return response.json();
}

export const queryClient = new QueryClient({ defaultOptions: { queries: { queryFn: get, retry: false, staleTime: Infinity } } });
