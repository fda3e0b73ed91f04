module azdstest/node

go 1.25
