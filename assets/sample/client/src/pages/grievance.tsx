import { useMutation, useQuery } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { useParams } from "wouter";
import { post, queryClient } from "@/lib/queryClient";
import type { Grievance as Row, Reply } from "@shared/schema";

export default function Grievance() {
  const { id } = useParams<{ id: string }>();
  const key = ["/api/grievances", id];
  const { data, error } = useQuery<{ grievance: Row; replies: Reply[] }>({ queryKey: key });
  const reply = useMutation({
    mutationFn: (body: unknown) => post(`/api/grievances/${id}/replies`, body),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: key }),
  });

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    reply.mutate({ body: new FormData(event.currentTarget).get("body") });
    event.currentTarget.reset();
  }

  if (error) return <p>There is no such grievance, or it is not yours.</p>;
  if (!data) return <p>Loading.</p>;

  return (
    <>
      <h1>{data.grievance.title}</h1>
      <p>{data.grievance.body}</p>
      <ul>
        {data.replies.map((r) => (
          <li key={r.id}>{r.body}</li>
        ))}
      </ul>
      <form onSubmit={submit}>
        <textarea name="body" rows={3} required />
        <button disabled={reply.isPending}>Reply</button>
      </form>
    </>
  );
}
