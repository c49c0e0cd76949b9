import { useMutation, useQuery } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { Link } from "wouter";
import { post, queryClient } from "@/lib/queryClient";
import type { Department, Grievance } from "@shared/schema";

export default function Home() {
  const { data: departments = [] } = useQuery<Department[]>({ queryKey: ["/api/departments"] });
  const { data: grievances, error } = useQuery<Grievance[]>({ queryKey: ["/api/grievances"] });
  const file = useMutation({
    mutationFn: (body: unknown) => post("/api/grievances", body),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["/api/grievances"] }),
  });

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    file.mutate({ title: form.get("title"), body: form.get("body"), departmentId: Number(form.get("department")) || null });
    event.currentTarget.reset();
  }

  if (error) return <p>Sign in to file a grievance and to see your own.</p>;

  return (
    <>
      <form onSubmit={submit}>
        <input name="title" placeholder="What happened?" required minLength={3} />
        <textarea name="body" rows={4} placeholder="Tell us more" />
        <select name="department">
          <option value="">I do not know the department</option>
          {departments.map((d) => (
            <option key={d.id} value={d.id}>{d.name}</option>
          ))}
        </select>
        <button disabled={file.isPending}>File the grievance</button>
      </form>
      <ul>
        {grievances?.map((g) => (
          <li key={g.id}>
            <Link href={`/grievances/${g.id}`}>{g.reference}: {g.title}</Link> ({g.status})
          </li>
        ))}
      </ul>
    </>
  );
}
