SELECT id INTO copies FROM users;
