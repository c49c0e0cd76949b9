#!/bin/bash
# drizzle-kit push --force once broke it
npm install
npm run db:push
