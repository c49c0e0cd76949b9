import { useEffect, useState } from "react";

export default function App() {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return <a href="/api/login">{now} // sign in at https://shop.example.com</a>;
}
