import { QueryClientProvider, useQuery } from "@tanstack/react-query";
import { Link, Route, Switch } from "wouter";
import { getOrNull, queryClient } from "@/lib/queryClient";
import Grievance from "@/pages/grievance";
import Home from "@/pages/home";
import type { User } from "@shared/models/auth";

function Account() {
  const { data: user } = useQuery<User | null>({ queryKey: ["/api/auth/user"], queryFn: getOrNull });
  return user ? <a href="/api/logout">Sign out {user.firstName}</a> : <a href="/api/login">Sign in</a>;
}

export default function App() {
  return (
    <QueryClientProvider client={queryClient}>
      <header>
        <Link href="/">Grievance portal</Link>
        <Account />
      </header>
      <main>
        <Switch>
          <Route path="/" component={Home} />
          <Route path="/grievances/:id" component={Grievance} />
          <Route>Page not found.</Route>
        </Switch>
      </main>
    </QueryClientProvider>
  );
}
